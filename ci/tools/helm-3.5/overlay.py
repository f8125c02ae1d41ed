#!/usr/bin/env python3
"""Gives Helm 3.5 the templates that its users have: its release was built with Go 1.15 (.circleci/config.yml in its module), ours is not.

overlay.py GOROOT FOLDER   writes text/template as it was then into FOLDER, with the overlay.json that `go build -overlay` takes

Go 1.16 brought actions of more than one line, Go 1.18 `break`, `continue` and an `and` and `or` that stop early, and comparisons with
nil; later ones `else with` and ranges over numbers. A Helm that knows these proves nothing about one that does not.
"""
import json
import pathlib
import sys

EAGER = """func {0}(arg0 reflect.Value, args ...reflect.Value) reflect.Value {{
	for i := 0; i < len(args) && truth(arg0) == {1}; i++ {{
		arg0 = args[i]
	}}
	return arg0
}}"""
NOW = """func {0}(arg0 reflect.Value, args ...reflect.Value) reflect.Value {{
	panic("unreachable") // implemented as a special case in evalCall
}}"""
# (file, what Go has now, what it had)
CHANGES = [
    ("parse/lex.go", "return r == ' ' || r == '\\t' || r == '\\r' || r == '\\n'", "return r == ' ' || r == '\\t'"),
    ("parse/lex.go", "case r == eof:\n\t\treturn l.errorf(\"unclosed action\")", "case r == eof || r == '\\r' || r == '\\n':\n\t\treturn l.errorf(\"unclosed action\")"),
    ("parse/parse.go", '!t.hasFunction("break")', "false"),
    ("parse/parse.go", '!t.hasFunction("continue")', "false"),
    ("parse/parse.go", "if peek.typ == itemIf || peek.typ == itemWith {", "if peek.typ == itemIf {"),
    ("exec.go", 'if isBuiltin && (name == "and" || name == "or") {', "if false {"),
    ("exec.go", "if len(r.Pipe.Decl) > 1 {\n\t\t\ts.errorf(\"can't use %v to iterate over more than one variable\", val)",
     "if true {\n\t\t\ts.errorf(\"range can't iterate over %v\", val)"),
    ("funcs.go", NOW.format("and"), EAGER.format("and", "true")),
    ("funcs.go", NOW.format("or"), EAGER.format("or", "false")),
    ("funcs.go", "if arg1.IsValid() && arg.IsValid() {\n\t\t\t\t\treturn false, fmt.Errorf(\"incompatible types for comparison: %v and %v\", arg1.Type(), arg.Type())\n\t\t\t\t}",
     "return false, fmt.Errorf(\"incompatible types for comparison\")"),
]


def main(root, folder):
    source, target = pathlib.Path(root, "src", "text", "template"), pathlib.Path(folder).resolve()
    texts = {}
    for name, now, then in CHANGES:
        text = texts.get(name) or (source / name).read_text(encoding="utf-8")
        if text.count(now) != 1:
            return f"error: {source / name} has no longer this, once: {now!r}"
        texts[name] = text.replace(now, then)
    replaced = {}
    for name, text in texts.items():
        copy = target / name.replace("/", "_")
        copy.write_text(text, encoding="utf-8")
        replaced[str(source / name)] = str(copy)
    (target / "overlay.json").write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
