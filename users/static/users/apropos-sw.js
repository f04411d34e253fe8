/*! apropos-sw.js 1.0.0 - Apache-2.0. The service worker that shows web push messages of an Apropos server.

  A worker must come from the shop's own origin: serve a file /apropos-sw.js there with the one line
  importScripts("https://your-apropos.example/apropos-sw.js"); */
self.addEventListener("push", function (event) {
  "use strict";
  var said = {};
  try {
    said = event.data.json();
  } catch (error) {} // browsers insist that something is shown
  var shown = { body: said.body || "", tag: said.tag, image: said.image, icon: said.icon, data: { url: said.url } };
  event.waitUntil(self.registration.showNotification(said.title || self.location.hostname, shown));
});

self.addEventListener("notificationclick", function (event) {
  "use strict";
  event.notification.close();
  var url = event.notification.data && event.notification.data.url;
  event.waitUntil(self.clients.openWindow(url || "/"));
});
