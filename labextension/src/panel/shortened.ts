// A list that has become long: its first rows, all of them on demand, and a field that finds some by what they say.
import { setShown, setText } from '../dom';
import { button, make } from './dom';

const FEW = 5;
const LONG = 8; // one row more is no reason to hide three

export interface Shortened {
  /** The field, to stand above the list. */
  readonly find: HTMLInputElement;
  /** What shows the rest, to stand below it. */
  readonly rest: HTMLButtonElement;
  /** Give the rows to be shown. */
  pick<Row extends object>(rows: readonly Row[]): readonly Row[];
}

/** Shorten a list; `draw` is called when other rows are wanted. */
export function shortened(title: string, draw: () => void): Shortened {
  let isWhole = false;
  const find = make('input', { type: 'search', class: 'input find', placeholder: 'Find', 'aria-label': `Find in ${title}`, hidden: true });
  const rest = button('', 'plain', () => {
    isWhole = !isWhole;
    draw();
  });
  rest.hidden = true;
  find.addEventListener('input', draw);
  return {
    find,
    rest,
    pick(rows) {
      const isLong = rows.length > LONG;
      const wanted = isLong ? find.value.trim().toLowerCase() : '';
      const found = wanted ? rows.filter((row) => says(row).includes(wanted)) : rows;
      setShown(find, isLong);
      setShown(rest, found.length > LONG);
      setText(rest, isWhole ? `Show ${FEW} only` : `Show all ${found.length}`);
      return isWhole || found.length <= LONG ? found : found.slice(0, FEW);
    },
  };
}

function says(row: object): string {
  return JSON.stringify(Object.values(row)).toLowerCase();
}
