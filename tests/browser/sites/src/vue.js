// The same kind of product in Vue: history routes, a list, a form.
import { createApp, h, ref } from "vue";
import { createRouter, createWebHistory, RouterLink, RouterView } from "vue-router";

const root = document.getElementById("root");

const Home = {
  setup() {
    const count = ref(0);
    return () =>
      h("section", [
        h("h1", "Kitchen"),
        h("p", { class: "card" }, ["Orders today: ", h("output", { id: "count" }, count.value)]),
        h("button", { type: "button", id: "order", onClick: () => count.value++ }, "New order"),
        h("button", { type: "button", id: "dead" }, "Print"),
      ]);
  },
};
const Dishes = {
  setup() {
    const chosen = ref("");
    return () =>
      h("section", [
        h("h1", "Dishes"),
        h(
          "ul",
          { class: "list" },
          ["Soup", "Salad", "Pasta", "Pie"].map((one) =>
            h("li", { "data-dish": one, class: { chosen: chosen.value === one }, onClick: () => { chosen.value = one; } }, one),
          ),
        ),
        h("p", { id: "chosen", class: "card" }, chosen.value || "Nothing chosen"),
      ]);
  },
};
const Settings = {
  setup() {
    const name = ref("");
    const saved = ref(false);
    const save = (event) => { event.preventDefault(); saved.value = true; };
    return () =>
      h("section", [
        h("h1", "Settings"),
        h("form", { id: "settings", onSubmit: save }, [
          h("label", ["Kitchen name ", h("input", { name: "name", autocomplete: "off", value: name.value, onInput: (e) => { name.value = e.target.value; } })]),
          h("button", { type: "submit", id: "save" }, "Save"),
        ]),
        h("p", { role: "status" }, saved.value ? "Saved." : ""),
      ]);
  },
};

const router = createRouter({
  history: createWebHistory(root.dataset.base),
  routes: [
    { path: "/", component: Home },
    { path: "/dishes", component: Dishes },
    { path: "/settings", component: Settings },
  ],
});
const links = [["/", "home", "Home"], ["/dishes", "dishes", "Dishes"], ["/settings", "settings", "Settings"]];
createApp({
  render: () => [
    h("nav", links.map(([to, id, text]) => h(RouterLink, { to, id: `nav-${id}` }, () => text))),
    h("main", h(RouterView)),
  ],
}).use(router).mount(root);
