/** Licences by their SPDX ids, with or without words around them. */
const SPDX = /\b(Apache-2\.0|BSD-2-Clause|BSD-3-Clause|CC-BY-NC-4\.0|GPL-3\.0-or-later|MIT)\b/;

/** A licence with a link to its text where that is known. */
export function Licence({ name }: { name: string }) {
  const parts = name.split(SPDX).map((text, place) => ({ text, place }));
  // What the expression captures stands at the odd places.
  return parts.map(({ text, place }) =>
    place % 2 === 1 ? (
      <a
        key={place}
        href={`https://spdx.org/licenses/${text}.html`}
        target="_blank"
        rel="noreferrer"
      >
        {text}
      </a>
    ) : (
      text
    ),
  );
}
