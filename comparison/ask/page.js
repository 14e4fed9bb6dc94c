() => {
  document.documentElement.lang = LANGUAGE;
  const field = document.querySelector("#title input, #title textarea");
  field.setAttribute("list", "titles");
  field.setAttribute("autocomplete", "off");
  field.setAttribute("dir", "auto");
}
