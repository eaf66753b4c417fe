const show = document.getElementById("show"), find = document.getElementById("find");
function apply() {
  const word = find.value.toLowerCase();
  for (const check of document.querySelectorAll("details.check")) {
    const wanted = show.value === "all" || !check.classList.contains("pass");
    check.hidden = !(wanted && check.textContent.toLowerCase().includes(word));
  }
  for (const head of document.querySelectorAll("h4")) {
    let next = head.nextElementSibling, any = false;
    while (next && next.tagName === "DETAILS") { any ||= !next.hidden; next = next.nextElementSibling; }
    head.hidden = !any;
  }
}
show.addEventListener("change", apply);
find.addEventListener("input", apply);
addEventListener("hashchange", () => { show.value = "all"; apply(); document.querySelector(location.hash)?.scrollIntoView(); });
apply();
