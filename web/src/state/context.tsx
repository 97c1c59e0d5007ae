import { createContext, type ReactNode, use } from "react";
import type { Chat } from "./chat";
import type { Settings } from "./settings";
import { type Store, useStore } from "./store";

/** What lives as long as the page. */
export interface Services {
  chat: Chat;
  settings: Store<Settings>;
}

const ServicesContext = createContext<Services | null>(null);

export function ServicesProvider({ value, children }: { value: Services; children: ReactNode }) {
  return <ServicesContext value={value}>{children}</ServicesContext>;
}

function useServices(): Services {
  const services = use(ServicesContext);
  if (!services) throw new Error("ServicesProvider is missing above this component.");
  return services;
}

/** The conversation. */
export function useChat(): Chat {
  return useServices().chat;
}

/** The settings, and how to change some of them. */
export function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const { settings } = useServices();
  const value = useStore(settings);
  return [value, (change) => settings.update((was) => ({ ...was, ...change }))];
}
