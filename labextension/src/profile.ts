// What is known of a run's profile, and how a part of it changes that. Bounded, whatever the kernel sends.
import type { FunctionRows, PointRows, ProfilePart, UsageRows } from './protocol';

export const MAX_NODES = 4_000;
const MAX_NAME = 200;

/** A function in the flame graph; its parent came before it. */
export interface FlameNode {
  readonly id: number;
  readonly parent: number;
  readonly name: string;
  readonly where: string;
  readonly total_ms: number;
  readonly kind: number;
}

export interface Profile {
  readonly nodes: ReadonlyMap<number, FlameNode>;
  readonly nSamples: number;
  readonly kinds_ms: readonly number[];
  readonly functions: FunctionRows;
  readonly usage: UsageRows;
  readonly longest: PointRows;
  readonly heaviest: PointRows;
  readonly notes: readonly string[];
}

/** Give the profile after a part of it has come; the first part makes it. */
export function withPart(profile: Profile | null, part: ProfilePart): Profile {
  const nodes = new Map(profile?.nodes ?? []);
  part.nodes.id.forEach((id, i) => {
    if (!nodes.has(id) && nodes.size >= MAX_NODES) return;
    const parent = part.nodes.parent[i] ?? 0;
    if (id !== parent && !nodes.has(parent)) return;
    nodes.set(id, {
      id, parent, name: (part.nodes.name[i] ?? '').slice(0, MAX_NAME), where: (part.nodes.where[i] ?? '').slice(0, MAX_NAME),
      total_ms: part.nodes.total_ms[i] ?? 0, kind: part.nodes.kind[i] ?? 0,
    });
  });
  return {
    nodes, nSamples: part.n_samples, kinds_ms: part.kinds_ms, functions: part.functions, usage: part.usage,
    longest: part.longest, heaviest: part.heaviest, notes: part.notes,
  };
}

/** Give a profile as a part: what is downloaded, and what the kernel would have sent. */
export function asPart(profile: Profile | null): ProfilePart | null {
  if (!profile) return null;
  const rows = [...profile.nodes.values()];
  return {
    n_samples: profile.nSamples, kinds_ms: [...profile.kinds_ms], functions: profile.functions, usage: profile.usage,
    longest: profile.longest, heaviest: profile.heaviest, notes: [...profile.notes],
    nodes: {
      id: rows.map((row) => row.id), parent: rows.map((row) => row.parent), name: rows.map((row) => row.name),
      where: rows.map((row) => row.where), total_ms: rows.map((row) => row.total_ms), kind: rows.map((row) => row.kind),
    },
  };
}

/** A box of the flame graph: how deep, and from where to where, as parts of the whole. */
export interface Box {
  readonly node: FlameNode;
  readonly depth: number;
  readonly left: number;
  readonly right: number;
}

/** Lay the graph out below one of its nodes; what is narrower than `least` of the whole is left out. */
export function layOut(profile: Profile, root: number, least: number): Box[] {
  const children = new Map<number, FlameNode[]>();
  for (const node of profile.nodes.values()) {
    if (node.id === node.parent) continue;
    const siblings = children.get(node.parent);
    if (siblings) siblings.push(node);
    else children.set(node.parent, [node]);
  }
  const top = profile.nodes.get(root);
  if (!top || top.total_ms <= 0) return [];
  const boxes: Box[] = [];
  const todo: Box[] = [{ node: top, depth: 0, left: 0, right: 1 }];
  for (let box = todo.pop(); box; box = todo.pop()) {
    boxes.push(box);
    let { left } = box;
    const below = (children.get(box.node.id) ?? []).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id));
    for (const node of below) {
      const right = Math.min(box.right, left + node.total_ms / top.total_ms);
      if (right - left >= least) todo.push({ node, depth: box.depth + 1, left, right });
      left = right;
    }
  }
  return boxes;
}
