"""The look of a form made of ipywidgets, after the workbench's own widgets: their colours, light and dark."""

from __future__ import annotations

STYLE = """<style>
.wb-form {
  color-scheme: light dark;
  --q: light-dark(#5f6b77, #9aa7b4); --l: light-dark(#dfe4ea, #323c47); --p: light-dark(#fff, #161c23);
  --t: light-dark(#1b2733, #e6ebf0); --f: light-dark(#0b5fa5, #7ab8f5);
  margin: 3px; padding: 12px 16px 14px; border: 1px solid var(--l); border-radius: 10px;
  background: var(--p); color: var(--t); overflow: visible;
}
[data-jp-theme-light="true"] .wb-form { color-scheme: light; }
[data-jp-theme-light="false"] .wb-form { color-scheme: dark; }
.wb-form h3 { margin: 0; font-size: 14px; font-weight: 650; line-height: 1.4; color: inherit; }
.wb-form :is(.widget-html, .widget-html-content) {
  height: auto; margin: 0; color: inherit; font-size: 12px; line-height: 1.35;
}
.wb-fields {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr));
  gap: 8px 20px; margin: 8px 0 6px; overflow: visible;
}
.wb-field { overflow: visible; }
.wb-field > :is(.widget-text, .widget-dropdown) {
  flex-direction: column; align-items: stretch; height: auto; margin: 0; overflow: visible;
}
.wb-field .widget-label {
  width: auto; height: auto; line-height: 1.5; text-align: left; font-size: 12.5px; font-weight: 600; color: inherit;
}
.wb-field > .widget-checkbox { width: auto; height: 45px; margin: 0; align-items: flex-end; padding-bottom: 4px; }
.wb-form .widget-checkbox label { font-size: 12.5px; color: inherit; }
.wb-field .widget-checkbox label { font-weight: 600; }
.wb-field :is(input[type="text"], select) {
  flex: none; width: 100%; height: 26px; padding: 0 8px; font: inherit; font-size: 13px; color: inherit;
  background-color: var(--p); border: 1px solid var(--l); border-radius: 6px;
}
.wb-form :is(input, select, button):focus-visible { outline: 2px solid var(--f); outline-offset: 1px; }
.wb-field .wb-help:empty { display: none; }
.wb-form .wb-kind { min-height: 16px; color: var(--q); overflow-wrap: anywhere; }
.wb-form .wb-wrong { min-height: 16px; color: light-dark(#b3283c, #ff8fa0); overflow-wrap: anywhere; }
.wb-orders { flex-flow: row wrap; gap: 6px; align-items: center; overflow: visible; }
.wb-orders .widget-button {
  width: auto; height: 26px; margin: 0; padding: 0 12px; line-height: 24px; border: 1px solid var(--l);
  border-radius: 999px; background: var(--p); color: inherit; box-shadow: none;
}
.wb-orders .widget-button:disabled { opacity: .55; }
.wb-orders .widget-button.wb-first {
  border-color: var(--f); background: var(--f); color: light-dark(#fff, #10161c); font-weight: 600;
}
.wb-orders .widget-checkbox { width: auto; height: 26px; margin: 0 8px; }
.wb-said { margin-top: 4px; }
</style>"""
