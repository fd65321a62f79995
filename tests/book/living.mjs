// Answers what tests/book/test_living.py asks of the bundle that pages load: JSON in, JSON out.
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

runInThisContext(readFileSync(process.argv[2], "utf8"));
const { network } = globalThis.livingNetwork;

function answer({ W, excess, keep, kept, rule, start, times, noise }) {
  const given = { W, excess };
  const modes = network.modes(given);
  const C = network.covariance(modes);
  const scores = Object.fromEntries(network.RULES.map((name) => [name, network.scores(given, name, C)]));
  const P = Object.fromEntries(
    network.RULES.map((name) => [name, network.probabilities(scores[name], keep)]));
  const pruned = network.prune(given, P[rule], kept);
  const balanced = network.balance(pruned, given);
  const shaking = new network.Shaking(modes, network.generator(1));
  for (let k = 0; k < noise.steps; k += 1) shaking.step(noise.dt);
  return {
    rates: modes.rates, vectors: modes.vectors, leaks: network.leaks(given), C, scores, P,
    pruned: { W: pruned.W, leaks: network.leaks(pruned), rates: network.modes(pruned).rates },
    balanced: { W: balanced.W, leaks: network.leaks(balanced) },
    pieces: network.pieces(pruned),
    relaxation: network.relaxation(modes, start, times),
    measured: shaking.covariance(), difference: network.difference(shaking.covariance(), C),
  };
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));
