/*
 * Shows the interface's document with Swagger UI. The document is read here, so that a French page has the operations' French
 * sentences; calls go to this origin with the session's cookie, as the other pages' do.
 */
const french = document.documentElement.lang === "fr";

async function operations() {
  const answer = await fetch("/api/openapi.json", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`openapi.json: ${answer.status}`);
  const spec = await answer.json();
  for (const path of Object.values(spec.paths))
    for (const operation of Object.values(path)) if (french) operation.summary = operation["x-summary-fr"];
  return spec;
}

operations().then(
  (spec) => SwaggerUIBundle({ spec, dom_id: "#operations", docExpansion: "none", deepLinking: true, filter: true, validatorUrl: null }),
  () => { document.getElementById("trouble").hidden = false; },
);
