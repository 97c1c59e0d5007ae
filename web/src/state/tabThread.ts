import type { ConversationView, TurnView } from "../contract/generated";
import type { HeardReply, KeptThread, TabMemory } from "./thread";

export interface TabThreadOutside {
  readonly memory: TabMemory;
  /** What the store has of a conversation; null when it has none of it. Throws when it is away. */
  readConversation(sessionId: string): Promise<ConversationView | null>;
}

/** The conversation that this tab is in, and what the store has of it from before a reload. */
export class TabThread {
  #kept: KeptThread | null = null;
  /** the store may have turns that the page has not read */
  #unread = false;

  constructor(
    private readonly outside: TabThreadOutside,
    private readonly onStored: (turns: TurnView[]) => void,
  ) {}

  get kept(): KeptThread | null {
    return this.#kept;
  }

  get unread(): boolean {
    return this.#unread;
  }

  /** What was kept before a reload. */
  remembered(): KeptThread | null {
    return this.outside.memory.read();
  }

  keep(kept: KeptThread | null): void {
    if (kept?.sessionId !== this.#kept?.sessionId) this.#unread = false;
    this.#kept = kept;
    this.outside.memory.write(kept);
  }

  keepHeard(heard: HeardReply | null): void {
    if (this.#kept && heard) this.keep({ ...this.#kept, heard });
  }

  keepSaid(): void {
    if (this.#kept && !this.#kept.said) this.keep({ ...this.#kept, said: true });
  }

  /** Whether the conversation is this tab's own, and not that of the one it was copied from. */
  claim(sessionId: string): Promise<boolean> {
    return this.outside.memory.claim(sessionId);
  }

  /** Read what the store has; where it is away, `readAgain` does it later. */
  async read(): Promise<void> {
    const { sessionId, said } = this.#kept ?? { said: false };
    if (!said) return;
    this.#unread = true;
    try {
      const view = await this.outside.readConversation(sessionId);
      if (this.#kept?.sessionId !== sessionId) return;
      this.#unread = false;
      if (view) this.onStored(view.turns);
    } catch {
      // That the store is away is told by the server's own notice.
    }
  }

  async readAgain(): Promise<void> {
    if (this.#unread) await this.read();
  }
}
