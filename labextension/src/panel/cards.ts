// A list of rows whose elements stay while their rows do: focus, open menus and half-typed numbers survive an update.

export interface Card<Row> {
  readonly element: HTMLElement;
  update(row: Row): void;
}

interface Kept<Row> {
  card: Card<Row>;
  shown: string;
}

export class Cards<Row> {
  private kept = new Map<string, Kept<Row>>();

  constructor(
    private readonly home: HTMLElement,
    private readonly keyOf: (row: Row) => string,
    private readonly makeCard: (row: Row) => Card<Row>,
  ) {}

  update(rows: readonly Row[]): void {
    const next = new Map<string, Kept<Row>>();
    for (const row of rows) {
      const key = this.keyOf(row);
      if (!next.has(key)) next.set(key, this.cardOf(key, row));
    }
    for (const [key, { card }] of this.kept) if (!next.has(key)) card.element.remove();
    this.kept = next;
    this.place();
  }

  private cardOf(key: string, row: Row): Kept<Row> {
    const kept = this.kept.get(key) ?? { card: this.makeCard(row), shown: '' };
    const shown = JSON.stringify(row);
    if (kept.shown !== shown) kept.card.update(row);
    return { card: kept.card, shown };
  }

  /** Put elements in order; one that is in its place is not touched, as that would take the focus from it. */
  private place(): void {
    let place: ChildNode | null = this.home.firstChild;
    for (const { card } of this.kept.values()) {
      if (card.element === place) place = place.nextSibling;
      else this.home.insertBefore(card.element, place);
    }
  }
}
