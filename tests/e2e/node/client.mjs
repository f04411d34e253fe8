// Segment's own Node.js client, told on stdin what to track: {"from": 0, "to": 500}, and "close" in the end.
import { createInterface } from "node:readline";
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, prefix] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 100, flushInterval: 200, maxRetries: 50, httpRequestTimeout: 60000 });
analytics.on("error", (error) => console.error(error));

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "close") break;
  const { from, to } = JSON.parse(line);
  for (let number = from; number < to; number++) {
    analytics.track({
      userId: `${prefix}-${number % 7}`,
      event: "Product Viewed",
      properties: { product_id: `p${number % 20}`, price: 3.5 }
    });
  }
}
await analytics.closeAndFlush({ timeout: 1200000 });
