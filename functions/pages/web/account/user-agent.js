// The browser and the operating system of a user-agent string, as far as the string names them.

import { format } from "./language.js";

/** The first match wins: most browsers also name the ones that they are compatible with. */
const browsers = [
  [/\bEdg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/\b(?:OPR|OPT|OPX)\/(\d+)/, "Opera"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\bVivaldi\/(\d+)/, "Vivaldi"],
  [/\bYaBrowser\/(\d+)/, "Yandex Browser"],
  [/\bDuckDuckGo\/(\d+)/, "DuckDuckGo"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\bHeadlessChrome\/(\d+)/, "Chrome (headless)"],
  [/\b(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//, "Safari"],
];

const systems = [
  [/\bWindows NT\b/, "Windows"],
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** "Firefox 128 on Windows", "curl", or "Unknown device". */
export function deviceName(userAgent) {
  if (!userAgent) return t.unknown_device;
  const browser = browsers.find(([pattern]) => pattern.test(userAgent));
  const system = systems.find(([pattern]) => pattern.test(userAgent));
  if (!browser) {
    // Clients that are not browsers name themselves first: "curl/8.5.0", "node".
    const [, product] = /^([A-Za-z][\w.-]{0,39})(?:\/|$)/.exec(userAgent) ?? [];
    if (product && product !== "Mozilla") return system ? format(t.on_system, { name: product, system: system[1] }) : product;
    return system ? format(t.on_system, { name: t.unknown_browser, system: system[1] }) : t.unknown_device;
  }
  const name = `${browser[1]} ${browser[0].exec(userAgent)[1]}`;
  return system ? format(t.on_system, { name, system: system[1] }) : name;
}
