// What every page starts. Each module looks for its own marks in the page and does nothing without them.
import { startTimes } from "./times.js";
import { startPreferences } from "./preferences.js";
import { startMenus } from "./menus.js";
import { startCopying } from "./copying.js";
import { startWork } from "./work.js";
import { startLive } from "./live.js";

startPreferences();
startMenus();
startCopying();
startTimes();
startWork();
startLive();
