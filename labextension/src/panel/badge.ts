// A state in words and in colour, and lines of text that vanish when they are empty.
import { setShown, setText } from '../dom';
import { classes, make } from './dom';
import { line } from './text';

export type Mood = 'good' | 'bad' | 'busy' | 'plain';

export class Badge {
  readonly element = make('span', { class: 'state' });

  update(text: string, mood: Mood, title = ''): void {
    setText(this.element, line(text));
    this.element.className = classes(`state state-${mood}`);
    this.element.title = title ? line(title) : '';
  }
}

/** A line of a card; an empty one takes no place. */
export class Line {
  readonly element: HTMLElement;

  constructor(names = '') {
    this.element = make('div', { class: `line ${names}` });
  }

  update(text: string, title = ''): void {
    setText(this.element, line(text));
    setShown(this.element, text !== '');
    this.element.title = title ? line(title) : '';
  }
}

/** The head of a card: a name, cut where it is too long, and a state. */
export function head(badge: Badge): { element: HTMLElement; setName(name: string, title?: string): void } {
  const name = make('span', { class: 'name' });
  return {
    element: make('div', { class: 'card-head' }, name, badge.element),
    setName(text, title = '') {
      setText(name, line(text));
      name.title = title ? `${line(text)}\n${line(title)}` : line(text);
    },
  };
}
