import type { EngineInfo, ErrorCode, Health } from "../contract/generated";

/** `GET /api/status`. */
export interface Status {
  auth: boolean;
  services: Record<string, ServiceStatus>;
  engines: Record<string, EngineInfo>;
  sessions: { held: number; waiting: number; maximum: number };
  stages: Record<string, StageFigures>;
}

export interface ServiceStatus {
  reachable: boolean;
  health?: Health | null;
  error?: ErrorCode | null;
}

/** How long a stage took lately. */
export interface StageFigures {
  count: number;
  p50_ms: number;
  p95_ms: number;
}
