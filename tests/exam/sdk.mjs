// SPDX-License-Identifier: MIT
// The providers' libraries for JavaScript, behind one line of JSON for each question and each answer. exam.py asks. It
// runs as a copy beside node_modules, because node looks for packages beside the file that imports them.
//
// {"do": "list"}: for each library its provider (as docs/providers.md names it), its version, and what it can do.
// {"do": "sign", "sdk", "secret", "id", "body", "url", "method", "now"}: {"headers", "query"}
// {"do": "verify", "sdk", "secret", "headers", "body", "url", "method"}: {"valid", "problem"}

import fs from "node:fs";
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(import.meta.url);
const sha256 = async (secret, text) => {
  const { createSHA256HMAC } = await import("@shopify/shopify-api/runtime");
  return createSHA256HMAC(secret, text);
};

// One for each library. sign: headers (and a query) for q; verify: false, or an exception, when it refuses q.
// sample: false where the library asks for more in a body than its signature.
const SDKS = {
  standardwebhooks: {
    provider: "standard",
    sign: (q) => {
      const { Webhook } = require("standardwebhooks");
      return { "webhook-id": q.id, "webhook-timestamp": String(q.now),
               "webhook-signature": new Webhook(q.secret).sign(q.id, new Date(q.now * 1000), q.body) };
    },
    verify: (q) => new (require("standardwebhooks").Webhook)(q.secret).verify(q.body, q.headers),
  },
  svix: {
    provider: "standard",
    sign: (q) => {
      const { Webhook } = require("svix");
      return { "svix-id": q.id, "svix-timestamp": String(q.now),
               "svix-signature": new Webhook(q.secret).sign(q.id, new Date(q.now * 1000), q.body) };
    },
    verify: (q) => new (require("svix").Webhook)(q.secret).verify(q.body, q.headers),
  },
  openai: {
    provider: "standard",
    verify: async (q) => {
      const { default: OpenAI } = await import("openai");
      await new OpenAI({ apiKey: "none" }).webhooks.verifySignature(q.body, q.headers, q.secret);
    },
  },
  "@anthropic-ai/sdk": {
    provider: "standard",
    verify: async (q) => {
      const { default: Anthropic } = await import("@anthropic-ai/sdk");
      new Anthropic({ apiKey: "none" }).beta.webhooks.unwrap(q.body, { headers: q.headers, key: q.secret });
    },
  },
  replicate: {
    provider: "standard",
    verify: (q) => require("replicate").validateWebhook({
      id: q.headers["webhook-id"], timestamp: q.headers["webhook-timestamp"], body: q.body, secret: q.secret,
      signature: q.headers["webhook-signature"] }),
  },
  resend: {
    provider: "standard",
    verify: (q) => new (require("resend").Resend)("none").webhooks.verify({
      payload: q.body, webhookSecret: q.secret,
      headers: { id: q.headers["webhook-id"], timestamp: q.headers["webhook-timestamp"],
                 signature: q.headers["webhook-signature"] } }),
  },
  stripe: {
    provider: "stripe",
    sign: (q) => {
      const stripe = new (require("stripe"))("none");
      return { "Stripe-Signature": stripe.webhooks.generateTestHeaderString(
        { payload: q.body, secret: q.secret, timestamp: q.now }) };
    },
    verify: (q) => new (require("stripe"))("none").webhooks.constructEvent(q.body, q.headers["stripe-signature"], q.secret),
  },
  "@slack/bolt": {
    provider: "slack",
    verify: (q) => require("@slack/bolt").verifySlackRequest({ signingSecret: q.secret, body: q.body, headers: q.headers }),
  },
  twilio: {
    provider: "twilio",
    sign: (q) => {
      const twilio = require("twilio");
      const form = !q.body.startsWith("{");
      const query = form ? "" : `bodySHA256=${twilio.getExpectedBodyHash(q.body)}`;
      const fields = form ? Object.fromEntries(new URLSearchParams(q.body)) : {};
      return { "I-Twilio-Idempotency-Token": q.id, query, "X-Twilio-Signature":
               twilio.getExpectedTwilioSignature(q.secret, q.url + (query && `?${query}`), fields) };
    },
    verify: (q) => {
      const twilio = require("twilio");
      const signature = q.headers["x-twilio-signature"];
      return q.body.startsWith("{") ? twilio.validateRequestWithBody(q.secret, signature, q.url, q.body)
        : twilio.validateRequest(q.secret, signature, q.url, Object.fromEntries(new URLSearchParams(q.body)));
    },
  },
  "@shopify/shopify-api": {
    provider: "shopify",
    sign: async (q) => ({ "X-Shopify-Webhook-Id": q.id, "X-Shopify-Hmac-SHA256": await sha256(q.secret, q.body) }),
    verify: (q) => shopify(q),
  },
  "@shopify/shopify-api (Events)": {
    package: "@shopify/shopify-api",
    provider: "Shopify Events",
    sample: false, // the headers of a whole event
    sign: async (q) => ({ "shopify-webhook-id": q.id, "shopify-hmac-sha256": await sha256(q.secret, q.body) }),
    verify: (q) => shopify({ ...q, headers: { "shopify-topic": "a", "shopify-shop-domain": "a.myshopify.com",
      "shopify-api-version": "2025-01", "shopify-event-id": "1", ...q.headers } }),
  },
  "@octokit/webhooks": {
    provider: "github",
    sign: async (q) => {
      const { Webhooks } = await import("@octokit/webhooks");
      return { "X-GitHub-Delivery": q.id, "X-Hub-Signature-256": await new Webhooks({ secret: q.secret }).sign(q.body) };
    },
    verify: async (q) => {
      const { Webhooks } = await import("@octokit/webhooks");
      return new Webhooks({ secret: q.secret }).verify(q.body, q.headers["x-hub-signature-256"]);
    },
  },
  "@paddle/paddle-node-sdk": {
    provider: "Paddle",
    verify: (q) => {
      const { Paddle } = require("@paddle/paddle-node-sdk");
      return new Paddle("none").webhooks.isSignatureValid(q.body, q.secret, q.headers["paddle-signature"]);
    },
  },
  "@hubspot/api-client": {
    provider: "HubSpot v3",
    sign: (q) => {
      const { Signature } = require("@hubspot/api-client");
      const timestamp = q.now * 1000;
      return { "X-HubSpot-Request-Timestamp": String(timestamp), "X-HubSpot-Signature-v3": Signature.getSignature(
        q.method, "v3", { clientSecret: q.secret, requestBody: q.body, url: q.url, timestamp }) };
    },
    verify: (q) => require("@hubspot/api-client").Signature.isValid({
      signatureVersion: "v3", method: q.method, clientSecret: q.secret, requestBody: q.body, url: q.url,
      signature: q.headers["x-hubspot-signature-v3"], timestamp: Number(q.headers["x-hubspot-request-timestamp"]) }),
  },
  "@linear/sdk": {
    provider: "Linear",
    sample: false, // it looks for webhookTimestamp in the body
    verify: async (q) => {
      const { LinearWebhookClient } = await import("@linear/sdk/webhooks");
      return new LinearWebhookClient(q.secret).verify(Buffer.from(q.body), q.headers["linear-signature"]);
    },
  },
  razorpay: {
    provider: "Razorpay",
    verify: (q) => require("razorpay").validateWebhookSignature(q.body, q.headers["x-razorpay-signature"], q.secret),
  },
  "@line/bot-sdk": {
    provider: "LINE",
    verify: async (q) => {
      const { validateSignature } = await import("@line/bot-sdk");
      return validateSignature(q.body, q.secret, q.headers["x-line-signature"]);
    },
  },
  "@workos-inc/node": {
    provider: "WorkOS",
    sign: async (q) => {
      const { WorkOS } = require("@workos-inc/node");
      const time = q.now * 1000;
      const signature = await new WorkOS("none").webhooks.computeSignature(time, JSON.parse(q.body), q.secret);
      return { "WorkOS-Signature": `t=${time}, v1=${signature}` };
    },
    printed: true, // it signs what JSON.stringify prints
    verify: (q) => {
      const { WorkOS } = require("@workos-inc/node");
      return new WorkOS("none").webhooks.verifyHeader(
        { payload: JSON.parse(q.body), sigHeader: q.headers["workos-signature"], secret: q.secret });
    },
  },
  "@sanity/webhook": {
    provider: "Sanity",
    sign: async (q) => ({ "sanity-webhook-signature":
      await require("@sanity/webhook").encodeSignatureHeader(q.body, q.now * 1000, q.secret) }),
    verify: (q) => require("@sanity/webhook").isValidSignature(q.body, q.headers["sanity-webhook-signature"], q.secret),
  },
  "gocardless-nodejs": {
    provider: "GoCardless",
    verify: (q) => {
      const { verifySignature } = require("gocardless-nodejs/webhooks");
      verifySignature(q.body, q.secret, q.headers["webhook-signature"]);
    },
  },
  "coinbase-commerce-node": {
    provider: "Coinbase Commerce",
    sign: (q) => ({ "X-CC-Webhook-Signature": require("coinbase-commerce-node").Webhook.computeSignature(q.body, q.secret) }),
    verify: (q) => require("coinbase-commerce-node").Webhook.verifySigHeader(
      q.body, q.headers["x-cc-webhook-signature"], q.secret),
  },
  "@adyen/api-library": {
    provider: "Adyen platforms",
    sign: (q) => {
      const { hmacValidator } = require("@adyen/api-library");
      return { HmacSignature: new hmacValidator().calculateHmac(q.body, q.secret) };
    },
    verify: (q) => {
      const { hmacValidator } = require("@adyen/api-library");
      return new hmacValidator().validateHMACSignature(q.secret, q.headers.hmacsignature, q.body);
    },
  },
  "@mux/mux-node": {
    provider: "Mux",
    verify: async (q) => {
      const { Mux } = require("@mux/mux-node");
      await new Mux({ tokenId: "none", tokenSecret: "none" }).webhooks.verifySignature(q.body, q.headers, q.secret);
    },
  },
  "webflow-api": {
    provider: "Webflow",
    verify: (q) => {
      const { WebflowClient } = require("webflow-api");
      return new WebflowClient({ accessToken: "none" }).webhooks.verifySignature(
        { headers: q.headers, body: q.body, secret: q.secret });
    },
  },
  "@notionhq/client": {
    provider: "Notion",
    sign: async (q) => ({ "X-Notion-Signature": await require("@notionhq/client").signWebhookPayload(
      { body: q.body, verificationToken: q.secret }) }),
    verify: (q) => require("@notionhq/client").verifyWebhookSignature(
      { body: q.body, signature: q.headers["x-notion-signature"], verificationToken: q.secret }),
  },
};

async function shopify(q) {
  require("@shopify/shopify-api/adapters/node");
  const { shopifyApi } = require("@shopify/shopify-api");
  const api = shopifyApi({ apiKey: "none", apiSecretKey: q.secret, apiVersion: "2025-10", isEmbeddedApp: false,
    hostName: "localhost", logger: { level: -1 } });
  const rawRequest = { method: q.method, url: "/", headers: q.headers };
  const told = await api.webhooks.validate({ rawBody: q.body, rawRequest, rawResponse: {} });
  if (!told.valid) throw new Error(JSON.stringify(told));
}

function list() {
  return Object.fromEntries(Object.entries(SDKS).map(([name, sdk]) => {
    const manifest = new URL(`node_modules/${sdk.package ?? name}/package.json`, import.meta.url);
    const { version } = JSON.parse(fs.readFileSync(manifest));
    return [name, { provider: sdk.provider, version, signs: Boolean(sdk.sign), verifies: Boolean(sdk.verify),
                    sample: sdk.sample ?? true, printed: sdk.printed ?? false }];
  }));
}

async function answer(q) {
  if (q.do === "list") return list();
  if (q.do === "sign") {
    const { query = "", ...headers } = await SDKS[q.sdk].sign(q);
    return { headers, query };
  }
  try {
    return { valid: (await SDKS[q.sdk].verify(q)) !== false };
  } catch (error) {
    return { valid: false, problem: String(error).slice(0, 300) };
  }
}

console.log = console.error; // standard output is for answers only
for await (const line of readline.createInterface({ input: process.stdin })) {
  let told;
  try {
    told = await answer(JSON.parse(line));
  } catch (error) {
    told = { failed: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
