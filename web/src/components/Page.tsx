import { type ReactNode, useEffect } from "react";

interface Properties {
  title: string;
  intro?: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** A page of text and cards, with its title in the browser's tab. */
export function Page({ title, intro, aside, children }: Properties) {
  useEffect(() => {
    document.title = `${title} · AVATAR`;
  }, [title]);
  return (
    <div className="page">
      <header>
        <h1>{title}</h1>
        {intro && <p>{intro}</p>}
        {aside}
      </header>
      {children}
    </div>
  );
}
