/*! apropos.js 1.0.0 - Apache-2.0. Sends what shoppers do to an Apropos server; speaks Segment's HTTP tracking API.

  Messages wait in localStorage, each under a key of its own, so that tabs never overwrite each other's. One tab sends at
  a time. A message is forgotten only when the server has stored it; the server counts a messageId once.
  Needs ES2018 and fetch. docs/tracking.md describes every option. */
(function (window, document, navigator) {
  "use strict";

  if (window.apropos && window.apropos.version) return; // loaded twice

  var VERSION = "1.0.0";
  var PREFIX = "apropos.";
  var QUEUE = PREFIX + "q.";
  var MAX_QUEUE = 1000; // messages; the oldest give way
  var MAX_MESSAGE = 32000; // bytes, the limit of the tracking API
  var MAX_BODY = 60000; // bytes, because browsers refuse beacons above 64 KiB
  var MAX_HELD = 50; // calls that wait in memory for consent
  var MAX_WAIT = 60000; // milliseconds between two attempts
  var LEASE = 20000; // milliseconds after which another tab may send, where the browser has no locks
  var IN_COOKIE = /\.(id|user|consent)$/;
  var CALLS = ["init", "page", "track", "identify", "alias", "reset", "consent", "webpush"];

  var script = document.currentScript;
  var settings = null;
  var held = [];
  var failures = 0;
  var timer = null;
  var sending = false; // by this tab
  var flying = []; // names of the messages in the request that is under way
  var mine = {}; // names of the messages that this page has queued
  var count = 0;
  var offline = false;
  var gone = false;
  var tab = uuid();

  // ---- Storage: localStorage, else memory for the page and a cookie for who it is ----

  var memory = {};
  var local = (function () {
    try {
      window.localStorage.setItem(PREFIX + "test", "1");
      window.localStorage.removeItem(PREFIX + "test");
      return window.localStorage;
    } catch (error) {
      return null; // blocked, or full
    }
  })();

  function read(name) {
    if (name in memory) return memory[name];
    if (local) return local.getItem(name);
    var found = document.cookie.match(new RegExp("(?:^|; )" + name.replace(/\./g, "\\.") + "=([^;]*)"));
    return found ? decodeURIComponent(found[1]) : null;
  }

  function write(name, value) {
    memory[name] = value;
    try {
      if (local) {
        local.setItem(name, value);
        delete memory[name];
      } else if (IN_COOKIE.test(name)) cookie(name, value, 31536000);
    } catch (error) {} // the quota is used up: memory has to do
  }

  function remove(name) {
    delete memory[name];
    if (local) local.removeItem(name);
    else if (IN_COOKIE.test(name)) cookie(name, "", 0);
  }

  function cookie(name, value, seconds) {
    document.cookie =
      name + "=" + encodeURIComponent(value) + "; path=/; max-age=" + seconds + "; samesite=lax" +
      (window.location.protocol === "https:" ? "; secure" : "");
  }

  // The names of the waiting messages start with their time, so that they sort by it.
  function queued() {
    var names = Object.keys(memory);
    for (var i = 0; local && i < local.length; i++) names.push(local.key(i));
    return names.filter(function (name) { return name.indexOf(QUEUE) === 0; }).sort();
  }

  // ---- Consent ----

  function doNotTrack() {
    return settings.respectDoNotTrack && (navigator.doNotTrack === "1" || navigator.globalPrivacyControl);
  }

  function allowed() {
    var said = read(PREFIX + "consent");
    return !doNotTrack() && (settings.requireConsent ? said === "1" : said !== "0");
  }

  // True where a call may go on now. Before consent it waits in memory: nothing is stored, nothing is sent.
  function ready(call, args) {
    if (settings && allowed()) return true;
    if ((!settings || settings.requireConsent) && held.length < MAX_HELD) held.push([call, args, new Date()]);
    return false;
  }

  function replay() {
    held.splice(0).forEach(function (one) { calls[one[0]].apply(one[2], one[1]); });
  }

  // ---- Messages ----

  function uuid() {
    var crypto = window.crypto;
    if (crypto.randomUUID) return crypto.randomUUID();
    var hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), function (byte, place) {
      if (place === 6) byte = (byte & 15) | 64;
      if (place === 8) byte = (byte & 63) | 128;
      return (byte + 256).toString(16).slice(1);
    }).join("");
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5"); // RFC 9562, version 4
  }

  function anonymousId() {
    var id = read(PREFIX + "id");
    if (!id) write(PREFIX + "id", (id = uuid()));
    return id;
  }

  // The UTM parameters of this address: the last ones hold until others come, the first ones stay.
  function noteCampaign() {
    var campaign = {};
    new URLSearchParams(window.location.search).forEach(function (value, name) {
      if (name.indexOf("utm_") === 0 && value) campaign[name === "utm_campaign" ? "name" : name.slice(4)] = value;
    });
    if (!Object.keys(campaign).length) return;
    var text = JSON.stringify(campaign);
    if (!read(PREFIX + "first")) write(PREFIX + "first", text);
    write(PREFIX + "last", text);
  }

  function context(extra) {
    var agent = navigator.userAgent;
    var tablet = /ipad|tablet|android(?!.*mobile)/i.test(agent) || (/macintosh/i.test(agent) && navigator.maxTouchPoints > 1);
    var made = {
      library: { name: "apropos.js", version: VERSION },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      device: { type: tablet ? "tablet" : /mobi|iphone|android/i.test(agent) ? "mobile" : "desktop" }
    };
    var last = read(PREFIX + "last");
    var first = read(PREFIX + "first");
    if (last) made.campaign = JSON.parse(last);
    if (first) made.firstCampaign = JSON.parse(first);
    return Object.assign(made, extra);
  }

  // `this` of a call that waited is the time when it was made.
  function enqueue(when, message, extra) {
    var now = when instanceof Date ? when : new Date();
    var user = read(PREFIX + "user");
    message = Object.assign(
      { messageId: uuid(), timestamp: now.toISOString(), anonymousId: anonymousId(), context: context(extra) },
      user ? { userId: user } : {},
      message
    );
    var text = JSON.stringify(message);
    if (size(text) > MAX_MESSAGE) return warn("A message above " + MAX_MESSAGE + " bytes is not sent.");
    var names = queued();
    names.slice(0, Math.max(0, names.length + 1 - MAX_QUEUE)).forEach(remove);
    var name = QUEUE + now.getTime() + "." + (1000 + (count++ % 1000)) + "." + message.messageId;
    mine[name] = true;
    write(name, text);
    schedule(names.length + 1 >= settings.flushAt ? 0 : settings.flushAfter);
  }

  function size(text) {
    return new Blob([text]).size;
  }

  function warn(text) {
    if (window.console) window.console.warn("apropos.js: " + text);
  }

  // ---- Sending ----

  function schedule(milliseconds) {
    var due = Math.max(Date.now() + milliseconds, Number(read(PREFIX + "wait") || 0));
    if (timer && timer.due <= due) return;
    if (timer) clearTimeout(timer.id);
    timer = { due: due, id: setTimeout(flush, due - Date.now()) };
  }

  function flush() {
    timer = null;
    if (sending || gone || !settings || !queued().length) return;
    if (Number(read(PREFIX + "wait") || 0) > Date.now()) return schedule(0);
    sending = true;
    alone(send).catch(warn).then(function () {
      sending = false;
      if (queued().length) schedule(settings.flushAfter); // also what another tab was asked to send
    });
  }

  // Run `work` unless another tab is at it.
  function alone(work) {
    if (navigator.locks) {
      return navigator.locks.request(PREFIX + "send", { ifAvailable: true }, function (lock) { return lock && work(); });
    }
    var lease = (read(PREFIX + "lease") || "").split(" ");
    if (lease[0] && lease[0] !== tab && Number(lease[1]) > Date.now()) return Promise.resolve();
    write(PREFIX + "lease", tab + " " + (Date.now() + LEASE));
    return new Promise(function (done) { setTimeout(done, 100); }).then(function () {
      if ((read(PREFIX + "lease") || "").indexOf(tab)) return; // another tab was later, and has it
      return work().then(function () { remove(PREFIX + "lease"); });
    });
  }

  // The oldest messages that fit into one request: their names and the request's body.
  function nextBatch(names) {
    var taken = [];
    var texts = [];
    var bytes = 200; // of what stands around the messages
    names.some(function (name) {
      var text = read(name);
      if (!text) return false; // sent by another tab meanwhile
      bytes += size(text) + 1;
      if (taken.length && (bytes > MAX_BODY || taken.length >= settings.batchSize)) return true;
      taken.push(name);
      texts.push(text);
      return false;
    });
    var rest = JSON.stringify({ writeKey: settings.key, sentAt: new Date().toISOString() }).slice(1);
    return { names: taken, body: '{"batch":[' + texts.join() + "]," + rest };
  }

  // Send until nothing waits. The body is plain text with the key in it: browsers then need not ask the server first.
  async function send() {
    for (;;) {
      var batch = nextBatch(queued());
      if (!batch.names.length) return;
      var answer = null;
      flying = batch.names;
      try {
        answer = await window.fetch(settings.host + "/v1/batch", { method: "POST", body: batch.body, keepalive: true });
        await answer.text(); // until then its bytes count against what may be under way when a page is left
      } catch (error) {} // offline, or the server is away
      flying = [];
      offline = !answer;
      if (!answer || answer.status === 408 || answer.status === 429 || answer.status >= 500) return wait(answer);
      if (!answer.ok) warn("The server refused a batch with " + answer.status + "; it is dropped.");
      failures = 0;
      batch.names.forEach(remove);
    }
  }

  // Try again later: when the server says, else after twice as long each time, with some chance in it.
  function wait(answer) {
    var said = answer && answer.headers.get("Retry-After");
    var seconds = said ? (isNaN(said) ? (Date.parse(said) - Date.now()) / 1000 : Number(said)) : 0;
    var backoff = Math.min(MAX_WAIT, 1000 * Math.pow(2, failures++)) * (0.5 + Math.random() / 2);
    write(PREFIX + "wait", String(Date.now() + (seconds > 0 ? seconds * 1000 : backoff)));
  }

  // The page goes away: hand over what waits. Beacons are not answered, so the messages stay until a later page has
  // sent them with an answer; the server knows them by their ids.
  function leave() {
    gone = true;
    if (!settings || !navigator.sendBeacon || Number(read(PREFIX + "wait") || 0) > Date.now()) return;
    var names = queued().filter(function (name) { return mine[name] && flying.indexOf(name) < 0; });
    while (names.length) {
      var batch = nextBatch(names);
      if (!batch.names.length || !navigator.sendBeacon(settings.host + "/v1/batch", batch.body)) return;
      names = names.slice(names.indexOf(batch.names[batch.names.length - 1]) + 1);
    }
  }

  // ---- Calls ----

  var calls = {
    init: function (options) {
      settings = Object.assign(
        {
          host: script ? new URL(script.src).origin : window.location.origin,
          requireConsent: false,
          respectDoNotTrack: false,
          flushAt: 20, // messages
          flushAfter: 2000, // milliseconds
          batchSize: 100 // messages in one request
        },
        options
      );
      settings.host = settings.host.replace(/\/+$/, "");
      if (!settings.key) throw new Error("apropos.init needs { key: <write key> }.");
      if (allowed()) noteCampaign();
      replay();
      if (queued().length) schedule(0); // what an earlier page left
    },

    page: function (name, properties) {
      if (!ready("page", arguments)) return;
      if (typeof name === "object") {
        properties = name;
        name = undefined;
      }
      noteCampaign();
      var address = { url: window.location.href.split("#")[0], path: window.location.pathname };
      var shown = Object.assign(address, { title: document.title, referrer: document.referrer }, properties);
      enqueue(this, { type: "page", name: name, properties: shown });
    },

    track: function (event, properties) {
      if (ready("track", arguments)) enqueue(this, { type: "track", event: event, properties: properties || {} });
    },

    identify: function (userId, traits) {
      if (!ready("identify", arguments)) return;
      if (userId && typeof userId === "object") {
        traits = userId;
        userId = null;
      }
      if (userId) write(PREFIX + "user", String(userId));
      enqueue(this, { type: "identify", traits: traits || {} });
    },

    alias: function (userId, previousId) {
      if (!ready("alias", arguments)) return;
      enqueue(this, { type: "alias", userId: String(userId), previousId: previousId || anonymousId() });
      write(PREFIX + "user", String(userId));
    },

    // Web push: ask for it and register this browser, or with `false` sign it off. The rest is apropos-push.js.
    webpush: async function (options) {
      if (!ready("webpush", arguments)) return;
      var given = { host: settings.host, key: settings.key, anonymousId: anonymousId() };
      if (!window.aproposPush) {
        await new Promise(function (done, failed) {
          var tag = Object.assign(document.createElement("script"), { src: settings.host + "/apropos-push.js", onload: done, onerror: failed });
          document.head.append(tag);
        });
      }
      return options === false ? window.aproposPush.off(given) : window.aproposPush(given, options);
    },

    // Another person may sit here now: the next message starts a new history.
    reset: function () {
      if (ready("reset", arguments)) ["id", "user", "first", "last"].forEach(function (name) { remove(PREFIX + name); });
    },

    // The visitor agreed, or withdrew. Withdrawing forgets everything but the withdrawal itself, which is still sent.
    consent: function (granted) {
      if (!settings) return held.push(["consent", arguments]);
      var tracked = allowed() && read(PREFIX + "id");
      if (doNotTrack() || (granted && read(PREFIX + "consent") === "1")) return;
      if (granted) write(PREFIX + "consent", "1");
      if (!granted) queued().forEach(remove);
      if (granted) noteCampaign();
      if (granted || tracked) {
        var preferences = { categoryPreferences: { profiling: granted } };
        enqueue(this, { type: "track", event: "Segment Consent Preference Updated" }, { consent: preferences });
      }
      if (granted) return replay();
      held = [];
      ["id", "user", "first", "last", "consent"].forEach(function (name) { remove(PREFIX + name); });
      if (!settings.requireConsent) write(PREFIX + "consent", "0");
    }
  };

  // ---- Start: calls that were made before this file was loaded wait in an array ----

  var early = window.apropos || [];
  window.apropos = { version: VERSION };
  CALLS.forEach(function (name) {
    window.apropos[name] = function () { return calls[name].apply(null, arguments); };
  });
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", function (event) {
    gone = false;
    if (event.persisted) schedule(0); // back from the browser's page cache
  });
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") flush(); // on a phone this may be the last that we hear
  });
  window.addEventListener("online", function () {
    if (!offline) return;
    failures = 0;
    remove(PREFIX + "wait");
    schedule(0);
  });
  [].slice.call(early).forEach(function (call) { window.apropos[call[0]].apply(null, call.slice(1)); });
})(window, document, navigator);
