/** Why a page can't be shown. */
export type PageProblem =
  /** the server was not reached */
  | "unreachable"
  /** the server has no such file, though the page was loaded anew: the build is not whole */
  | "missing"
  /** the page's own fault */
  | "crashed";

/** A page's file that could not be loaded. */
export class ChunkError extends Error {
  constructor(
    readonly problem: PageProblem,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "ChunkError";
  }
}

/** What loading a page's file needs from outside; tests put in their own. */
export interface ChunkOutside {
  /** Whether the server answers. */
  reachable(): Promise<boolean>;
  /** Load the whole application anew. */
  reload(): void;
  /** Remembers, in this tab, that it was loaded anew. */
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

const RELOADED = "avatar.reloaded";

/**
 * What `load` gives.
 *
 * After another version was deployed, the files that this one names are gone, and some browsers
 * never ask again for a file that failed once. So where the server answers, the application is
 * loaded anew, once; the promise then stays open, because the page is about to go.
 *
 * Throws a ChunkError.
 */
export async function loadChunk<T>(load: () => Promise<T>, outside: ChunkOutside): Promise<T> {
  const { storage } = outside;
  try {
    const chunk = await load();
    storage.removeItem(RELOADED);
    return chunk;
  } catch (error) {
    if (!(await outside.reachable())) throw new ChunkError("unreachable", error);
    if (storage.getItem(RELOADED)) {
      storage.removeItem(RELOADED);
      throw new ChunkError("missing", error);
    }
    storage.setItem(RELOADED, "yes");
    outside.reload();
    return new Promise(() => undefined);
  }
}

export const browserOutside: ChunkOutside = {
  reachable: () =>
    fetch("/health", { cache: "no-store" }).then(
      () => true,
      () => false,
    ),
  reload: () => location.reload(),
  get storage() {
    return sessionStorage;
  },
};
