import { Component, type ReactNode } from "react";
import { PageFailure } from "./PageFailure";

interface State {
  error: Error | null;
}

/** Keeps the rest of the application when a page crashes while it is drawn. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <PageFailure
        problem="crashed"
        detail={error.message}
        onRetry={() => this.setState({ error: null })}
      />
    );
  }
}
