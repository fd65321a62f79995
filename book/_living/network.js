// A small symmetric network, its modes, its covariance, the four rules, and a pruned version of it.
// The same quantities as in the package, for N up to a dozen; tests/book/test_living.py compares.
//
// A network is {W, excess}: W symmetric with a diagonal of 0, excess leak >= 0. Each neuron leaks as
// much as its links can feed it, plus its excess: A = W - diag(sum |w| + excess), M = -A. The slowest
// mode is the one whose eigenvalue of A is closest to 0. Noise has amplitude sigma = 1.
import { SVD } from "svd-js";

export const RULES = ["noise", "leak", "weight", "uniform"];
const STILL = 1e-9; // a decay rate below this is 0: the mode never fades
const LARGEST = 4; // of the factors by which homeostasis scales, relative to their common one
const STEPS = 5000; // of the iteration that finds them

const sum = (values) => values.reduce((total, value) => total + value, 0);
const inputs = (W) => W.map((row) => sum(row.map(Math.abs)));

export const copy = ({ W, excess }) => ({ W: W.map((row) => [...row]), excess: [...excess] });

/** The pairs i < j that are linked. */
export function links({ W }) {
  return W.flatMap((row, i) => row.flatMap((w, j) => (i < j && w !== 0 ? [{ i, j, w }] : [])));
}

/** Leak of each neuron: what its links can feed it, plus its excess. */
export function leaks({ W, excess }) {
  return inputs(W).map((total, i) => total + excess[i]);
}

/** Decay rates of the modes, slowest first, and the modes: `vectors[k]` belongs to `rates[k]`. */
export function modes(network) {
  const D = leaks(network);
  const M = network.W.map((row, i) => row.map((w, j) => (i === j ? D[i] : -w)));
  const { q, v } = SVD(M); // M is symmetric and has no negative eigenvalue, so these are its own
  const order = q.map((_, k) => k).sort((a, b) => q[a] - q[b]);
  return {
    rates: order.map((k) => (q[k] < STILL ? 0 : q[k])),
    vectors: order.map((k) => v.map((row) => row[k])),
  };
}

/** Stationary covariance C = M^-1 / 2; null where a mode never fades and none exists. */
export function covariance({ rates, vectors }) {
  if (rates[0] === 0) return null;
  const n = rates.length;
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) =>
    sum(rates.map((rate, k) => (vectors[k][i] * vectors[k][j]) / (2 * rate)))));
}

/** Score of each link under a rule, in the order of `links`. */
export function scores(network, rule, C) {
  const D = leaks(network);
  return links(network).map(({ i, j, w }) => {
    if (rule === "noise") return Math.abs(w) * (C[i][i] + C[j][j] - 2 * Math.sign(w) * C[i][j]);
    if (rule === "leak") return (Math.abs(w) * (1 / D[i] + 1 / D[j])) / 2;
    return rule === "weight" ? Math.abs(w) : 1;
  });
}

/** p = min(1, K score), with the one K for which the probabilities add up to `keep` of the links. */
export function probabilities(score, keep) {
  const count = keep * score.length;
  if (count >= score.length) return score.map(() => 1);
  const falling = [...score].sort((a, b) => b - a);
  let K = 0;
  for (let capped = 0, rest = sum(score); capped < falling.length; capped += 1) {
    K = (count - capped) / rest;
    if (K * falling[capped] <= 1) break;
    rest -= falling[capped];
  }
  return score.map((value) => Math.min(1, K * value));
}

/** The network with the links that are kept, each divided by its probability. */
export function prune(network, P, kept) {
  const W = network.W.map((row) => row.map(() => 0));
  links(network).forEach(({ i, j, w }, k) => {
    if (kept[k]) W[i][j] = W[j][i] = w / P[k];
  });
  return { W, excess: [...network.excess] };
}

/**
 * Homeostasis: scale W to S W S, S diagonal, so that the total input of every neuron is again what
 * it was in `original`. As in the package, no factor of a neuron is more than LARGEST times one that
 * is common to all; where that is not enough, the neuron gets less, and its leak follows.
 */
export function balance(network, original) {
  const size = network.W.map((row) => row.map(Math.abs));
  const linked = inputs(network.W).map((total) => total > 0);
  const wanted = inputs(original.W);
  const common = Math.sqrt(sum(wanted.filter((_, i) => linked[i])) / sum(size.flat()));
  let s = wanted.map(() => common);
  for (let step = 0; step < STEPS; step += 1) {
    const next = s.map((old, i) => linked[i]
      ? Math.min(LARGEST * common, Math.sqrt((old * wanted[i]) / sum(size[i].map((w, j) => w * s[j]))))
      : 1);
    const moved = Math.max(...next.map((value, i) => Math.abs(value / s[i] - 1)));
    s = next;
    if (moved < 1e-13) break;
  }
  const W = network.W.map((row, i) => row.map((w, j) => s[i] * w * s[j]));
  return { W, excess: [...network.excess] };
}

/** Length of exp(A t) x over time, for the start x. */
export function relaxation({ rates, vectors }, x, times) {
  const parts = vectors.map((vector) => sum(vector.map((value, i) => value * x[i])));
  return times.map((t) => Math.hypot(...parts.map((part, k) => part * Math.exp(-rates[k] * t))));
}

/** Number of pieces that no link joins. */
export function pieces({ W }) {
  const seen = new Set();
  let count = 0;
  for (let first = 0; first < W.length; first += 1) {
    if (seen.has(first)) continue;
    count += 1;
    const queue = [first];
    while (queue.length) {
      const i = queue.pop();
      if (seen.has(i)) continue;
      seen.add(i);
      W[i].forEach((w, j) => w !== 0 && queue.push(j));
    }
  }
  return count;
}

/** Random numbers in [0, 1) from a seed (mulberry32). */
export function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const normal = (random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * Activity under noise, from a start drawn from the stationary state. Each step is exact whatever
 * its length: in the basis of modes the noise of a step has a known variance.
 */
export class Shaking {
  constructor({ rates, vectors }, random) {
    Object.assign(this, { rates, vectors, random, time: 0 });
    this.z = rates.map((rate) => normal(random) / Math.sqrt(2 * rate));
    this.sums = rates.map(() => rates.map(() => 0));
  }

  step(dt) {
    this.z = this.z.map((z, k) => {
      const left = Math.exp(-this.rates[k] * dt);
      return left * z + Math.sqrt((1 - left * left) / (2 * this.rates[k])) * normal(this.random);
    });
    const x = (this.x = this.z.map((_, i) => sum(this.z.map((z, k) => z * this.vectors[k][i]))));
    x.forEach((a, i) => x.forEach((b, j) => (this.sums[i][j] += a * b * dt)));
    this.time += dt;
  }

  /** Running covariance: the mean of x x^T so far (the mean of x is 0). */
  covariance() {
    return this.sums.map((row) => row.map((value) => value / this.time));
  }
}

/** Relative difference of two matrices in the Frobenius norm. */
export function difference(C, exact) {
  const flat = exact.flat();
  return Math.hypot(...C.flat().map((value, k) => value - flat[k])) / Math.hypot(...flat);
}
