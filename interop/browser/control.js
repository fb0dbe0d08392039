// How the scripts talk to the test that runs them: one JSON value a line. The test
// answers each request to restart the server with a line when it is up again.
import { createInterface } from "node:readline";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const report = (name, error) => console.log(JSON.stringify({ name, error }));

export async function restart() {
  console.log(JSON.stringify({ restart: true }));
  await answers.next();
}

// The argument is what the test says about the server.
export const job = JSON.parse(process.argv[2]);
