import { expect, it } from "vitest";
import { ERROR_CODES } from "../contract/generated";
import { en } from "./en";
import { zhTW } from "./zh-TW";

type Tree = { [key: string]: string | string[] | Tree };

function leaves(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const at = `${path}.${key}`;
    if (typeof value === "string") return [[at, value] as [string, string]];
    if (Array.isArray(value))
      return value.map((text, i) => [`${at}.${i}`, text] as [string, string]);
    return leaves(value, at);
  });
}

const slots = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]).sort();

it("every text has its other language, with the same slots", () => {
  const other = new Map(leaves(zhTW));
  for (const [path, text] of leaves(en)) {
    expect(other.get(path), path).toBeTruthy();
    expect(slots(other.get(path) ?? ""), path).toEqual(slots(text));
  }
});

it("every error code has its words", () => {
  for (const code of ERROR_CODES) expect(en.error[code].title).toBeTruthy();
});

it("Chinese is in the script of Taiwan", () => {
  const text = leaves(zhTW)
    .map(([, words]) => words)
    .join("");
  expect(text).not.toMatch(/[这说话语请对时开关实际设备网络]/u);
});

it("says things as a product of that language does", () => {
  expect([en.gate.enter, en.voices.makeDefault, en.settings.languages.auto]).toEqual([
    "Sign in",
    "Make default",
    "Detect automatically",
  ]);
  expect(en.voices.uploading).toMatch(/^In progress/);
  expect([zhTW.voices.default, zhTW.voices.makeDefault]).toEqual(["預設聲音", "設為預設"]);
  expect(zhTW.chat.save).toBe("用這句重新回答");
  expect(zhTW.greeting.body).toContain("您說的話會即時轉成文字，並以語音回答");
  expect(zhTW.error.SERVER_FULL.title).toContain("使用人數已滿");
  expect(zhTW.error.RATE_LIMITED.title).toContain("操作太頻繁");
  expect(zhTW.settings.instructions).toBe("自訂指示");
  const { patience, eager, patient } = zhTW.settings;
  expect([patience, eager, patient]).toEqual(["等待時間", "短", "長"]);
  expect(zhTW.timing.total).toBe("整個回合");
});
