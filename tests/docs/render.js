// Prints what the pages of a project show, as text: render.js PAGE TARGET_FOLDER ID...   (ID "": the first page)
"use strict";
const fs = require("fs");
const [page, folder, ...ids] = process.argv.slice(2);
const html = fs.readFileSync(page, "utf8");
const script = html.match(/<script id="pages">([\s\S]*?)<\/script>/)[1];
const pages = new Function(script + "; return { read, page, overview, tree };")();
const json = (name) => JSON.parse(fs.readFileSync(folder + "/" + name, "utf8"));
const db = pages.read(json("manifest.json"), json("catalog.json"));
const words = { "&#38;": "&", "&#60;": "<", "&#62;": ">", "&#34;": '"', "&#39;": "'" };
const text = (from) => from.replace(/<(h\d|p|tr|dt|details|li|svg|pre)\b/g, "\n<$1").replace(/<(td|dd|a|summary|th)\b/g, " <$1").replace(/<[^>]*>/g, "")
  .replace(/&#\d+;/g, (c) => words[c]).split("\n").map((line) => line.replace(/\s+/g, " ").trim()).filter(Boolean).join("\n");
console.log(text(pages.tree(db, "", ids[0])));
for (const id of ids) {
  const html = id ? pages.page(db, id) : pages.overview(db);
  if (/<script|javascript:|\son\w+=/i.test(html)) console.log("something in it would run: " + html);
  console.log("--- " + (id || "overview") + "\n" + text(html));
}
