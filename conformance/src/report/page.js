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
// A cell of the matrix leads to its area: what is not a pass there is opened with its facts.
function open() {
  const head = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!head) return;
  show.value = "all"; find.value = ""; apply();
  for (let next = head.nextElementSibling; next && next.tagName === "DETAILS"; next = next.nextElementSibling)
    next.open = !next.classList.contains("pass");
  head.scrollIntoView();
}
addEventListener("hashchange", open);
apply(); open();
