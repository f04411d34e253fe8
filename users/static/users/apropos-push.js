/*! apropos-push.js 1.0.0 - Apache-2.0. Asks a shopper for web push and registers the browser; loaded by apropos.webpush().

  Browsers show their own prompt once only, and a shopper who is asked out of the blue says no. So ask on a click of
  your own, or let `prompt` show a small question first. docs/channels.md describes every option. */
(function (window, document, navigator) {
  "use strict";

  // `given` comes from apropos.js: host, key, anonymousId. Resolves to "granted", "denied", "default" or "unsupported".
  window.aproposPush = async function (given, options) {
    options = Object.assign({ worker: "/apropos-sw.js", prompt: null, textVersion: "" }, options);
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) return "unsupported";
    var was = Notification.permission;
    if (was === "denied") return was;
    if (was === "default" && options.prompt && !(await ask(options.prompt))) return was;
    if ((await Notification.requestPermission()) !== "granted") return Notification.permission;
    await navigator.serviceWorker.register(options.worker);
    var registration = await navigator.serviceWorker.ready;
    var answer = await window.fetch(given.host + "/push-key");
    if (!answer.ok) throw new Error("The server has no web push key.");
    var key = bytes((await answer.json()).key);
    var subscription = await registration.pushManager.getSubscription();
    if (subscription && !same(subscription.options.applicationServerKey, key)) {
      await subscription.unsubscribe(); // made under a key that the server no longer has
      subscription = null;
    }
    subscription = subscription || (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    var shown = subscription.toJSON();
    var device = {
      channel: "webpush",
      anonymous_id: given.anonymousId,
      endpoint: shown.endpoint,
      p256dh: shown.keys.p256dh,
      auth: shown.keys.auth,
      platform: platform(),
      language: navigator.language
    };
    if (was !== "granted") Object.assign(device, { consent: true, text_version: options.textVersion });
    await post(given, "/api/v1/devices/", device);
    return "granted";
  };

  // Take the browser off the list again.
  window.aproposPush.off = async function (given) {
    var registration = "serviceWorker" in navigator && (await navigator.serviceWorker.getRegistration());
    var subscription = registration && (await registration.pushManager.getSubscription());
    if (!subscription) return;
    await post(given, "/api/v1/devices/sign-off/", { channel: "webpush", endpoint: subscription.endpoint });
    await subscription.unsubscribe();
  };

  function post(given, path, body) {
    return window.fetch(given.host + path, {
      method: "POST",
      headers: { Authorization: "Bearer " + given.key, "Content-Type": "application/json" },
      body: JSON.stringify(body)
    }).then(function (answer) {
      if (!answer.ok) throw new Error("The server answered " + answer.status + ".");
    });
  }

  function bytes(text) {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), function (one) { return one.charCodeAt(0); });
  }

  function same(buffer, key) {
    var other = new Uint8Array(buffer || 0);
    return other.length === key.length && other.every(function (byte, place) { return byte === key[place]; });
  }

  function platform() {
    var brands = navigator.userAgentData && navigator.userAgentData.brands;
    var real = brands && brands.filter(function (one) { return !/not.*brand|chromium/i.test(one.brand); })[0];
    var name = real ? real.brand : /firefox/i.test(navigator.userAgent) ? "Firefox" : /safari/i.test(navigator.userAgent) ? "Safari" : "Browser";
    return (name + ", " + ((navigator.userAgentData && navigator.userAgentData.platform) || navigator.platform || "")).replace(/, $/, "").slice(0, 64);
  }

  // A question of our own before the browser's: `text`, `yes`, `no` come from the page, in the shopper's language.
  function ask(texts) {
    return new Promise(function (done) {
      var box = document.createElement("div");
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-label", texts.text);
      box.style.cssText =
        "position:fixed;z-index:2147483647;left:50%;top:16px;transform:translateX(-50%);box-sizing:border-box;width:min(420px,calc(100% - 32px));" +
        "padding:18px 20px;border-radius:14px;background:#fff;color:#1c2321;box-shadow:0 8px 32px rgb(0 0 0/.22);font:15px/1.5 system-ui,sans-serif";
      var text = document.createElement("p");
      text.textContent = texts.text;
      text.style.cssText = "margin:0 0 14px";
      box.append(text);
      [[texts.yes, true], [texts.no, false]].forEach(function (one) {
        var button = document.createElement("button");
        button.textContent = one[0];
        button.style.cssText =
          "padding:9px 16px;margin-right:8px;border:0;border-radius:9px;font:inherit;font-weight:600;cursor:pointer;" +
          (one[1] ? "background:#0f766e;color:#fff" : "background:none;color:#5d6764");
        button.onclick = function () { box.remove(); done(one[1]); };
        box.append(button);
      });
      document.body.append(box);
      box.querySelector("button").focus();
    });
  }
})(window, document, navigator);
