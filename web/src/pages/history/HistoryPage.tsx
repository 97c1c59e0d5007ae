import { useDeferredValue, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { getJson } from "../../api/client";
import { useResource } from "../../api/useResource";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import type { ConversationItem, ConversationPage, Hit } from "../../contract/generated";
import { formatDate, formatDuration } from "../../i18n/format";
import styles from "./History.module.css";

const PAGE = 20;

/** What was talked about, newest first, and a search in it. */
export default function HistoryPage() {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const asked = useDeferredValue(query.trim());
  const path = listPath(asked, null);
  const label = useId();
  return (
    <Page title={t("history.title")}>
      <label className="sr-only" htmlFor={label}>
        {t("history.search")}
      </label>
      <input
        id={label}
        type="search"
        className="field"
        placeholder={t("history.search")}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      <Conversations key={path} path={path} query={asked} />
    </Page>
  );
}

function listPath(query: string, cursor: string | null): string {
  const parameters = new URLSearchParams({ limit: String(PAGE) });
  if (query) parameters.set("q", query);
  if (cursor) parameters.set("cursor", cursor);
  return `/api/conversations?${parameters}`;
}

function Conversations({ path, query }: { path: string; query: string }) {
  const first = useResource<ConversationPage>(path);
  return <Loaded resource={first}>{(page) => <Items first={page} query={query} />}</Loaded>;
}

function Items({ first, query }: { first: ConversationPage; query: string }) {
  const { t } = useTranslation();
  const [items, setItems] = useState(first.items);
  const [cursor, setCursor] = useState(first.next_cursor ?? null);

  useEffect(() => {
    setItems(first.items);
    setCursor(first.next_cursor ?? null);
  }, [first]);

  const more = async () => {
    const page = await getJson<ConversationPage>(listPath(query, cursor));
    setItems((was) => [...was, ...page.items]);
    setCursor(page.next_cursor ?? null);
  };

  if (items.length === 0) return <Nothing query={query} />;
  return (
    <>
      <ul className={styles.list}>
        {items.map((item) => (
          <Item key={item.id} item={item} />
        ))}
      </ul>
      {cursor && (
        <button type="button" className="button" onClick={() => void more()}>
          {t("history.more")}
        </button>
      )}
    </>
  );
}

function Nothing({ query }: { query: string }) {
  const { t } = useTranslation();
  return (
    <div className={styles.nothing}>
      <p>{query ? t("history.noHits", { query }) : t("history.empty")}</p>
      {!query && <p className="faint">{t("history.emptyHint")}</p>}
    </div>
  );
}

function Item({ item }: { item: ConversationItem }) {
  const { t, i18n } = useTranslation();
  return (
    <li>
      <Link to={`/history/${item.id}`} className={styles.item}>
        <span className={styles.title}>{item.title || t("history.untitled")}</span>
        {item.hit && <HitLine hit={item.hit} />}
        <span className="faint">
          {formatDate(item.created_at, i18n.language)} · {t("history.turns", { count: item.turns })}{" "}
          · {formatDuration(item.duration_ms)}
        </span>
      </Link>
    </li>
  );
}

function HitLine({ hit }: { hit: Hit }) {
  return (
    <span className={styles.hit}>
      {hit.before}
      <mark>{hit.match}</mark>
      {hit.after}
    </span>
  );
}
