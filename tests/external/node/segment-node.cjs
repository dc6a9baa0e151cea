// @segment/analytics-node: sends EVENTS tracks, or one with the name in NAME, and says what its error hook was told.
const { Analytics } = require("@segment/analytics-node");

const { KENKO_URL, KENKO_KEY, EVENTS, NAME } = process.env;
const errors = [];
const analytics = new Analytics({ host: KENKO_URL, writeKey: KENKO_KEY, flushAt: 100, flushInterval: 100 });
analytics.on("error", (error) => errors.push(`${error.code} ${error.reason}`));

for (let number = 0; number < Number(EVENTS); number++) {
  analytics.track({
    userId: `user-${number % 31}`,
    event: NAME,
    properties: { rows: number },
    context: { groupId: `account-${number % 7}` },
  });
}
analytics.flush({ close: true }).then(() => console.log(JSON.stringify(errors)));
