function i(n,e={},...t){return $(document.createElement(n),e,t)}function h(n,e){for(let[t,r]of Object.entries(e))r===void 0||r===!1?n.removeAttribute(t):n.setAttribute(t,r===!0?"":String(r))}function $(n,e,t){return h(n,e),n.append(...t),n}async function x(n){if(navigator.clipboard&&window.isSecureContext)return navigator.clipboard.writeText(n);let e=i("textarea",{style:"position:fixed;opacity:0"});e.value=n,document.body.append(e),e.select(),document.execCommand("copy"),e.remove()}function u(n,e,t){let[r,o]=[!1,!1],l=()=>{r||queueMicrotask(()=>{r=!1,o||t()}),r=!0},d=e.startsWith("change:")?l:t;return n.on(e,d),()=>{o=!0,n.off(e,d)}}var y=`.wb { color-scheme: light dark;
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
`;var k="data-lm-suppress-shortcuts",E="The kernel is gone: this view can still be looked through, but nothing reaches Python. Run its cell again.";function S(n,e,t){return{render({model:r,el:o}){let l=i("div",{class:"wb-alert",role:"alert",hidden:!0}),d=i("div",{class:"wb-unseen","aria-live":"polite"}),a=i("style",{},y+e),p=i("div",{class:`wb ${n}`,[k]:"true"},a);p.addEventListener("focusin",s=>h(s.target,{[k]:"true"}));let b=s=>{l.textContent=s,l.hidden=s===""},c=s=>{b(`This widget failed in the browser: ${s instanceof Error?s.message:String(s)}`),console.error(s)},g=s=>(...L)=>{try{s(...L)}catch(C){c(C)}},f=s=>{d.textContent=s},w=i("div",{class:"wb-gone",hidden:!0},E),M=u(r,"comm_live_update",()=>{w.hidden=!1,f(E)}),v=()=>{};o.append(p);try{v=t(r,{root:p,guard:g,alert:b,say:f,gone:()=>!w.hidden})}catch(s){c(s)}return p.append(l,w,d),()=>{M(),v(),p.remove()}}}}var A=`.wb-rows { overflow: auto; border: 1px solid var(--wb-line); border-radius: 8px; }
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
`;var z=60,m=class{constructor(e,t){this.model=e;this.frame=t;this.rows=e.get("rows"),this.rows.length>z&&this.rows.filter(r=>r.inner&&r.depth>0).forEach(r=>this.folded.add(r.name)),this.build(),this.show(),this.tell()}model;frame;rows;folded=new Set;list=i("div",{class:"wb-rows",role:"tree"});size=i("span");code=i("pre");filter=i("input",{type:"search",placeholder:"find a layer","aria-label":"Find a layer"});listen(){let{model:e,frame:t}=this,r=[u(e,"change:choices",t.guard(()=>this.show())),...["size","code","message"].map(o=>u(e,`change:${o}`,t.guard(()=>this.tell())))];return()=>r.forEach(o=>o())}build(){let e=i("button",{type:"button",title:"Copy the call that makes this space"},"copy code");e.addEventListener("click",()=>{x(String(this.model.get("code"))).then(()=>this.frame.say("copied"),r=>this.frame.alert(`Not copied: ${r}`))});let t=i("button",{type:"button"},"clear");t.addEventListener("click",this.frame.guard(()=>this.send({}))),this.filter.addEventListener("input",this.frame.guard(()=>this.show())),this.list.style.maxHeight=`${this.model.get("height")}px`,this.frame.root.append(i("div",{class:"wb-head"},i("h3",{},String(this.model.get("title"))),this.filter,this.size,i("div",{class:"wb-bar"},t,e)),this.list,this.code)}get choices(){return this.model.get("choices")}send(e){this.model.set("choices",e),this.model.save_changes(),this.show()}toggle(e,t,r){let{[t]:o,...l}=this.choices[e.name]??{},d=Array.isArray(o)?o:[],a;if(r===!0)a=o===!0?void 0:!0;else{let g=e.offers[t].filter(f=>f===r!==d.includes(f));a=g.length>0?g:void 0}let p=a===void 0?l:{...l,[t]:a},{[e.name]:b,...c}=this.choices;this.send(Object.keys(p).length>0?{...c,[e.name]:p}:c)}show(){let e=document.activeElement?.dataset.key,t=this.filter.value.trim().toLowerCase(),r=this.rows.filter(o=>t?o.name.toLowerCase().includes(t):!this.isFolded(o));this.list.replaceChildren(...r.map(o=>this.row(o,t!==""))),e&&this.list.querySelector(`[data-key="${CSS.escape(e)}"]`)?.focus()}isFolded(e){return[...this.folded].some(t=>e.name.startsWith(`${t}.`))}row(e,t){let r=this.choices[e.name]??{},o=i("div",{class:"wb-name",style:`padding-left:${t?0:e.depth*14}px`});e.inner&&!t&&o.append(this.fold(e)),o.append(t?e.name:e.label);let l=Object.entries(e.offers).map(([d,a])=>this.offer(e,d,a,r[d]));return i("div",{class:Object.keys(r).length>0?"wb-tree-row wb-picked":"wb-tree-row",role:"treeitem","aria-level":e.depth+1},o,i("div",{class:"wb-about"},e.about),i("div",{class:"wb-offers"},...l))}fold(e){let t=this.folded.has(e.name),r=i("button",{type:"button","aria-expanded":t?"false":"true","aria-label":`${t?"Open":"Close"} ${e.name}`,"data-key":`fold ${e.name}`},t?"▸":"▾");return r.addEventListener("click",this.frame.guard(()=>{this.folded.delete(e.name)||this.folded.add(e.name),this.show()})),r}offer(e,t,r,o){if(typeof r=="string")return i("div",{},i("span",{title:r},`${t}: fixed`));let d=(r===!0?[!0]:r).map(a=>{let p=a===!0?o===!0:Array.isArray(o)&&o.includes(a),b=a===!0?t:String(a),c=i("button",{type:"button","aria-pressed":String(p),"data-key":`${e.name} ${t} ${b}`},b);return h(c,{"aria-label":a===!0?`${e.name} may be left out`:`${e.name} ${t} ${b}`}),c.addEventListener("click",this.frame.guard(()=>this.toggle(e,t,a))),c});return i("div",{},...r===!0?[]:[i("span",{},t)],...d)}tell(){this.size.textContent=String(this.model.get("size")),this.code.textContent=String(this.model.get("code")),this.frame.alert(String(this.model.get("message"))),this.frame.say(String(this.model.get("size")))}},W=S("wb-tree",A,(n,e)=>new m(n,e).listen());export{W as default};
