import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCE = join(__dirname, '..', 'src');
const MAX_LINES = 300;
const FORBIDDEN = new Set(['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'eval', 'document.write']);

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SOURCE, name));

function offences(file: string): string[] {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${where(tree, node)} any`);
    if (ts.isIdentifier(node) && FORBIDDEN.has(node.text)) found.push(`${where(tree, node)} ${node.text}`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function where(tree: ts.SourceFile, node: ts.Node): string {
  return `${relative(SOURCE, tree.fileName)}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

describe('the house style', () => {
  it('has no any, and no text that becomes HTML', () => {
    expect(files.flatMap(offences)).toEqual([]);
  });

  it('has short files', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > MAX_LINES);
    expect(long.map((file) => relative(SOURCE, file)).filter((name) => name !== 'protocol.ts')).toEqual([]);
  });
});
