// @rudderstack/rudder-sdk-node: as segment-node.cjs. GZIP=false sends plain bodies.
const Analytics = require("@rudderstack/rudder-sdk-node");

const { KENKO_URL, KENKO_KEY, EVENTS, NAME, GZIP } = process.env;
const errors = new Set();
let left = Number(EVENTS);
const analytics = new Analytics(KENKO_KEY, {
  dataPlaneUrl: KENKO_URL,
  flushAt: 100,
  flushInterval: 100,
  gzip: GZIP !== "false",
  retryCount: 10,
  logLevel: "silent",
  errorHandler: (error) => errors.add(`${error.response.status} ${error.response.data.message}`),
});

function done() {
  left -= 1;
  if (left === 0) console.log(JSON.stringify([...errors]));
}

for (let number = 0; number < Number(EVENTS); number++) {
  const call = {
    userId: `user-${number % 31}`,
    event: NAME,
    properties: { rows: number },
    context: { groupId: `account-${number % 7}` },
  };
  analytics.track(call, done);
}
