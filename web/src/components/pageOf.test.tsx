// @vitest-environment jsdom
import "../test/setup";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ComponentType } from "react";
import { I18nextProvider } from "react-i18next";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { startWords } from "../i18n";
import type { Locale } from "../state/settings";
import { ErrorBoundary } from "./ErrorBoundary";
import { pageOf } from "./pageOf";

const Good = () => <p>the page</p>;

/** A page whose file is there or not, on a server that answers or not. */
function rig() {
  const world = { there: false, up: true, reloads: 0 };
  const load = async () => {
    if (!world.there) throw new TypeError("Failed to fetch dynamically imported module");
    return { default: Good };
  };
  const outside = {
    reachable: async () => world.up,
    reload: () => {
      world.reloads++;
    },
    storage: sessionStorage,
  };
  return { world, Page: pageOf(load, outside), again: () => pageOf(load, outside) };
}

async function show(Page: ComponentType, locale: Locale = "en") {
  const words = await startWords(locale);
  return render(
    <I18nextProvider i18n={words}>
      <Page />
    </I18nextProvider>,
  );
}

beforeEach(() => sessionStorage.clear());

describe("a page that is loaded when it is wanted", () => {
  it("says in the page's language that the server is away, and is loaded on another try", async () => {
    const { world, Page } = rig();
    world.up = false;
    await show(Page, "zh-TW");
    expect(await screen.findByRole("alert")).toHaveTextContent("連不上伺服器");
    expect(world.reloads).toBe(0);
    world.there = true;
    await userEvent.click(screen.getByRole("button", { name: "再試一次" }));
    expect(await screen.findByText("the page")).toBeInTheDocument();
  });

  it("loads the application anew, once, when the server has no such file any more", async () => {
    const { world, Page, again } = rig();
    const { unmount } = await show(Page);
    await vi.waitFor(() => expect(world.reloads).toBe(1));
    expect(screen.queryByRole("alert")).toBeNull();
    unmount();
    // The application after it was loaded anew.
    await show(again());
    expect(await screen.findByRole("alert")).toHaveTextContent("missing on the server");
    expect(world.reloads).toBe(1);
  });

  it("would do so for the next deployment too", async () => {
    const { world, Page, again } = rig();
    const { unmount } = await show(Page);
    await vi.waitFor(() => expect(world.reloads).toBe(1));
    unmount();
    world.there = true;
    const second = await show(again());
    expect(await screen.findByText("the page")).toBeInTheDocument();
    second.unmount();
    world.there = false;
    await show(again());
    await vi.waitFor(() => expect(world.reloads).toBe(2));
  });
});

describe("a page that crashes", () => {
  it("says so in words, and is drawn again when asked", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const world = { broken: true };
    function Fragile() {
      if (world.broken) throw new Error("no such thing");
      return <p>the page</p>;
    }
    await show(() => (
      <ErrorBoundary>
        <Fragile />
      </ErrorBoundary>
    ));
    expect(screen.getByRole("alert")).toHaveTextContent("This page can't be shown.");
    expect(screen.getByRole("alert")).toHaveTextContent("no such thing");
    world.broken = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(screen.getByText("the page")).toBeInTheDocument();
  });
});
