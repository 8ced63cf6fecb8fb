function o(i,e={},...t){return R(document.createElement(i),e,t)}function h(i,e){for(let[t,r]of Object.entries(e))r===void 0||r===!1?i.removeAttribute(t):i.setAttribute(t,r===!0?"":String(r))}function R(i,e,t){return h(i,e),i.append(...t),i}async function x(i){if(navigator.clipboard&&window.isSecureContext)return navigator.clipboard.writeText(i);let e=o("textarea",{style:"position:fixed;opacity:0"});e.value=i,document.body.append(e),e.select(),document.execCommand("copy"),e.remove()}function u(i,e,t){let[r,n]=[!1,!1],l=()=>{r||queueMicrotask(()=>{r=!1,n||t()}),r=!0},d=e.startsWith("change:")?l:t;return i.on(e,d),()=>{n=!0,i.off(e,d)}}function y(i,e){return i.replace(/([^{}]+)\{/g,(t,r)=>r.trim().startsWith("@")?t:`${r.split(/,(?![^(]*\))/).map(n=>T(n.trim(),e)).join(", ")} {`)}function T(i,e){let t=/^\.([\w-]+)/.exec(i)?.[1];if(t==="wb")return`.${e}${i.slice(3)}`;if(t===e)return i;let r=`:where(.${e}) ${i}`;return t===void 0?r:`${r}, :where(.${e})${i}`}var k=`.wb { color-scheme: light dark;
  --wb-text: light-dark(#1b2733, #e6ebf0); --wb-quiet: light-dark(#5f6b77, #9aa7b4);
  --wb-line: light-dark(#dfe4ea, #323c47); --wb-paper: light-dark(#fff, #161c23);
  --wb-soft: light-dark(#f4f6f8, #1f2730); --wb-focus: light-dark(#0b5fa5, #7ab8f5);
  --wb-in: light-dark(#eef4fd, #1c2b40); --wb-out: light-dark(#e9f6ee, #173026);
  --wb-dead: light-dark(#c6ccd3, #47525d); --wb-alarm: light-dark(#b3283c, #ff8fa0);
  --wb-ring: #d1495b;
  position: relative; box-sizing: border-box; margin: 3px; padding: 12px 16px 14px; border: 1px solid var(--wb-line);
  border-radius: 10px; background: var(--wb-paper); color: var(--wb-text);
  font: 13px/1.4 var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif); }
[data-jp-theme-light="true"] .wb { color-scheme: light; }
[data-jp-theme-light="false"] .wb { color-scheme: dark; }
.wb *, .wb *::before { box-sizing: border-box; }
.wb [hidden] { display: none !important; }
.wb-head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-bottom: 8px; }
.wb-head h3 { margin: 0; font-size: 14px; font-weight: 650; color: inherit; }
.wb-head span { margin-left: auto; color: var(--wb-quiet); }
.wb-bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.wb-space { flex: 1; }
.wb button, .wb select { font: inherit; color: inherit; background: var(--wb-paper); border: 1px solid var(--wb-line);
  border-radius: 999px; padding: 2px 10px; min-height: 24px; cursor: pointer; }
.wb select { padding-right: 4px; max-width: 11em; field-sizing: content; }
.wb button:hover:enabled, .wb select:hover { background: var(--wb-soft); }
.wb button:disabled { color: var(--wb-quiet); opacity: .55; cursor: default; }
.wb button[aria-pressed="true"] { border-color: var(--wb-text); background: var(--wb-soft); }
.wb :focus { outline: none; }
.wb :focus-visible { outline: 2px solid var(--wb-focus); outline-offset: 1px; }
.wb-alert { margin-top: 10px; padding: 6px 10px; border-left: 3px solid var(--wb-ring); background: var(--wb-soft);
  color: var(--wb-alarm); overflow-wrap: anywhere; }
.wb-gone { margin-top: 10px; padding: 6px 10px; border-left: 3px solid var(--wb-line); background: var(--wb-soft); color: var(--wb-quiet); }
.wb-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes wb-soon { from { visibility: hidden; } }
.wb :is(td, th) { vertical-align: middle; }
`;var E="data-lm-suppress-shortcuts",$="The kernel is gone: this view can still be looked through, but nothing reaches Python. Run its cell again.";function S(i,e,t){return{render({model:r,el:n}){let l=o("div",{class:"wb-alert",role:"alert",hidden:!0}),d=o("div",{class:"wb-unseen","aria-live":"polite"}),a=o("style",{},k+y(e,i)),p=o("div",{class:`wb ${i}`,[E]:"true"},a);p.addEventListener("focusin",s=>h(s.target,{[E]:"true"}));let b=s=>{l.textContent=s,l.hidden=s===""},c=s=>{b(`This widget failed in the browser: ${s instanceof Error?s.message:String(s)}`),console.error(s)},g=s=>(...L)=>{try{s(...L)}catch(C){c(C)}},f=s=>{d.textContent=s},w=o("div",{class:"wb-gone",hidden:!0},$),M=u(r,"comm_live_update",()=>{w.hidden=!1,f($)}),v=()=>{};n.append(p);try{v=t(r,{root:p,guard:g,alert:b,say:f,gone:()=>!w.hidden})}catch(s){c(s)}return p.append(l,w,d),()=>{M(),v(),p.remove()}}}}var A=`.wb-rows { overflow: auto; border: 1px solid var(--wb-line); border-radius: 8px; }
.wb-tree-row { display: grid; grid-template-columns: minmax(130px, 1fr) minmax(150px, 1.3fr) minmax(200px, 2fr);
  gap: 2px 12px; align-items: center; padding: 2px 10px; }
.wb-tree-row:nth-child(even) { background: var(--wb-soft); }
.wb-tree-row.wb-picked { box-shadow: inset 3px 0 var(--wb-focus); }
.wb-name { display: flex; align-items: center; gap: 4px; overflow-wrap: anywhere; }
.wb .wb-name button { border: 0; background: none; padding: 0; width: 24px; }
.wb-about { color: var(--wb-quiet); overflow-wrap: anywhere; }
.wb-offers { display: flex; flex-wrap: wrap; gap: 3px 10px; }
.wb-offers > div { display: flex; flex-wrap: wrap; align-items: center; gap: 3px; }
.wb-offers span { color: var(--wb-quiet); font-size: 11.5px; }
.wb .wb-offers button { padding: 0 8px; }
.wb .wb-offers button[aria-pressed="true"] { border-color: var(--wb-focus); color: var(--wb-focus); font-weight: 650; }
.wb-tree input { font: inherit; color: inherit; background: var(--wb-paper); border: 1px solid var(--wb-line);
  border-radius: 999px; padding: 2px 12px; min-height: 24px; }
.wb-tree pre { margin: 10px 0 0; padding: 8px 10px; background: var(--wb-soft); border-radius: 8px; overflow: auto;
  max-height: 160px; font-size: 12px; }
`;var O=60,m=class{constructor(e,t){this.model=e;this.frame=t;this.rows=e.get("rows"),this.rows.length>O&&this.rows.filter(r=>r.inner&&r.depth>0).forEach(r=>this.folded.add(r.name)),this.build(),this.show(),this.tell()}model;frame;rows;folded=new Set;list=o("div",{class:"wb-rows",role:"tree"});size=o("span");code=o("pre");filter=o("input",{type:"search",placeholder:"find a layer","aria-label":"Find a layer"});listen(){let{model:e,frame:t}=this,r=[u(e,"change:choices",t.guard(()=>this.show())),...["size","code","message"].map(n=>u(e,`change:${n}`,t.guard(()=>this.tell())))];return()=>r.forEach(n=>n())}build(){let e=o("button",{type:"button",title:"Copy the call that makes this space"},"copy code");e.addEventListener("click",()=>{x(String(this.model.get("code"))).then(()=>this.frame.say("copied"),r=>this.frame.alert(`Not copied: ${r}`))});let t=o("button",{type:"button"},"clear");t.addEventListener("click",this.frame.guard(()=>this.send({}))),this.filter.addEventListener("input",this.frame.guard(()=>this.show())),this.list.style.maxHeight=`${this.model.get("height")}px`,this.frame.root.append(o("div",{class:"wb-head"},o("h3",{},String(this.model.get("title"))),this.filter,this.size,o("div",{class:"wb-bar"},t,e)),this.list,this.code)}get choices(){return this.model.get("choices")}send(e){this.model.set("choices",e),this.model.save_changes(),this.show()}toggle(e,t,r){let{[t]:n,...l}=this.choices[e.name]??{},d=Array.isArray(n)?n:[],a;if(r===!0)a=n===!0?void 0:!0;else{let g=e.offers[t].filter(f=>f===r!==d.includes(f));a=g.length>0?g:void 0}let p=a===void 0?l:{...l,[t]:a},{[e.name]:b,...c}=this.choices;this.send(Object.keys(p).length>0?{...c,[e.name]:p}:c)}show(){let e=document.activeElement?.dataset.key,t=this.filter.value.trim().toLowerCase(),r=this.rows.filter(n=>t?n.name.toLowerCase().includes(t):!this.isFolded(n));this.list.replaceChildren(...r.map(n=>this.row(n,t!==""))),e&&this.list.querySelector(`[data-key="${CSS.escape(e)}"]`)?.focus()}isFolded(e){return[...this.folded].some(t=>e.name.startsWith(`${t}.`))}row(e,t){let r=this.choices[e.name]??{},n=o("div",{class:"wb-name",style:`padding-left:${t?0:e.depth*14}px`});e.inner&&!t&&n.append(this.fold(e)),n.append(t?e.name:e.label);let l=Object.entries(e.offers).map(([d,a])=>this.offer(e,d,a,r[d]));return o("div",{class:Object.keys(r).length>0?"wb-tree-row wb-picked":"wb-tree-row",role:"treeitem","aria-level":e.depth+1},n,o("div",{class:"wb-about"},e.about),o("div",{class:"wb-offers"},...l))}fold(e){let t=this.folded.has(e.name),r=o("button",{type:"button","aria-expanded":t?"false":"true","aria-label":`${t?"Open":"Close"} ${e.name}`,"data-key":`fold ${e.name}`},t?"▸":"▾");return r.addEventListener("click",this.frame.guard(()=>{this.folded.delete(e.name)||this.folded.add(e.name),this.show()})),r}offer(e,t,r,n){if(typeof r=="string")return o("div",{},o("span",{title:r},`${t}: fixed`));let d=(r===!0?[!0]:r).map(a=>{let p=a===!0?n===!0:Array.isArray(n)&&n.includes(a),b=a===!0?t:String(a),c=o("button",{type:"button","aria-pressed":String(p),"data-key":`${e.name} ${t} ${b}`},b);return h(c,{"aria-label":a===!0?`${e.name} may be left out`:`${e.name} ${t} ${b}`}),c.addEventListener("click",this.frame.guard(()=>this.toggle(e,t,a))),c});return o("div",{},...r===!0?[]:[o("span",{},t)],...d)}tell(){this.size.textContent=String(this.model.get("size")),this.code.textContent=String(this.model.get("code")),this.frame.alert(String(this.model.get("message"))),this.frame.say(String(this.model.get("size")))}},I=S("wb-tree",A,(i,e)=>new m(i,e).listen());export{I as default};
