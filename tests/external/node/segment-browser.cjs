// @segment/analytics-next in the DOM of happy-dom, whose fetch keeps the rules for other origins: as segment-node.cjs.
// STRATEGY=batching sends ten at a time. A page has no end: it says each error at once, and runs until it is ended.
const { writeSync } = require("node:fs");
const { GlobalRegistrator } = require("@happy-dom/global-registrator");

const { KENKO_URL, KENKO_KEY, EVENTS, NAME, STRATEGY } = process.env;
GlobalRegistrator.register({ url: "http://shop.example/" });
const { AnalyticsBrowser } = require("@segment/analytics-next");

const host = { apiHost: `${KENKO_URL.replace("http://", "")}/v1`, protocol: "http" };
const strategy = { strategy: STRATEGY, config: { size: 10, timeout: 100 } };

async function main() {
  const [analytics] = await AnalyticsBrowser.load(
    { writeKey: KENKO_KEY, cdnSettings: { integrations: { "Segment.io": { apiKey: KENKO_KEY } } } },
    {
      disableClientPersistence: true,
      integrations: { "Segment.io": { ...host, ...(STRATEGY === "batching" ? { deliveryStrategy: strategy } : {}) } },
    },
  );
  analytics.on("error", (error) => writeSync(1, `${error.code} ${error.reason}\n`));
  for (let number = 0; number < Number(EVENTS); number++) {
    analytics.setAnonymousId(`visitor-${number % 31}`);
    analytics.track(NAME, { rows: number }, { context: { groupId: `account-${number % 7}` } });
  }
}

main();
