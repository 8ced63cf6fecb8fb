// Bundles each widget's browser half into one ES module, the form in which anywidget loads it.
import { build } from "esbuild";

await build({
  entryPoints: ["src/architecture_diff.ts", "src/front_picker.ts", "src/cell_editor.ts", "src/enrichment_panel.ts", "src/lineage.ts", "src/module_tree.ts", "src/neighborhood.ts", "src/page.ts", "src/pipeline_view.ts", "src/proxy_board.ts", "src/search_monitor.ts", "src/space_map.ts", "src/supernet_monitor.ts"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  loader: { ".css": "text" },
  legalComments: "none",
  logLevel: "info",
});
