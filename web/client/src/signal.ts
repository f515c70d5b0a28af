/*
 * The one way in which live objects tell views that something changed. Listeners run in the order they came; `on` gives back the
 * function that ends it.
 */
export type Off = () => void;

export class Signal<T = void> {
  private listeners = new Set<(value: T) => void>();

  on(listener: (value: T) => void): Off {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
}
