"""Every template function of the chart exists in Helm 3.5.2, which KubeSphere 3.1 to 3.3 installs with; so does the way the actions are written.

`helm template` of a newer Helm cannot tell: ci/repo.d/renders.py renders with the old one, this looks at the sources alone.
"""
import re

import helm

# Of the sources that Helm 3.5.2's module names: text/template of Go 1.15 (funcs.go, builtins), with which its releases are built;
BUILTINS = "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery"
# pkg/engine/funcs.go and engine.go of helm.sh/helm/v3 v3.5.2;
HELMS_OWN = "fromJson fromJsonArray fromYaml fromYamlArray include lookup required toJson toToml toYaml tpl"
# functions.go of github.com/Masterminds/sprig/v3 v3.2.2, without env and expandenv, which Helm takes out.
SPRIG = """
abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec b64enc base bcrypt biggest
buildCustomCert camelcase cat ceil chunk clean coalesce compact concat contains date dateInZone dateModify date_in_zone
date_modify decryptAES deepCopy deepEqual default derivePassword dict dig dir div divf duration durationRound empty encryptAES
ext fail first float64 floor fromJson genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert
genSignedCertWithKey get getHostByName has hasKey hasPrefix hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial
initials int int64 isAbs join kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf
mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast mustMerge
mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll
mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson mustToRawJson
mustUniq mustWithout must_date_modify nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend push
quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind regexFindAll regexMatch regexQuoteMeta
regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse round semver semverCompare seq set sha1sum
sha256sum shuffle slice snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary title toDate toDecimal
toJson toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc tuple typeIs typeIsLike typeOf
uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse uuidv4 values without wrap wrapWith
"""
FUNCTIONS = set(f"{BUILTINS} {HELMS_OWN} {SPRIG}".split())
# Go 1.18's break and continue are not among them: there they are functions that nobody defined.
KEYWORDS = set("block define else end false if nil range template true with".split())
# What of Helm's own objects came later.
LATER_OBJECTS = {"Subcharts", "IsRoot"}
TOKEN = re.compile(r"""
    (?P<end>-?\}\}) | (?P<comment>/\*.*?\*/) | (?P<raw>`[^`]*`) | (?P<string>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
  | (?P<field>\.[A-Za-z_]\w*) | \$\w* | \d[\w.]* | (?P<word>[A-Za-z_]\w*) | (?P<newline>\n) | .
""", re.X | re.S)
# A template each that one sentence must come of: what Helm 3.5.2 has not.
NEWER = {
    "toYamlPretty": "{{ toYamlPretty .Values }}",
    "fromToml": "{{ (fromToml \"a = 1\").a }}",
    "mustToYaml": "{{- if true }}{{ .Values | mustToYaml }}{{ end -}}",
    "sha512sum": "{{ $x := list (\"}}\" | sha512sum) }}",
    "break": "{{ range list 1 }}{{ break }}{{ end }}",
    "continue": "{{ range list 1 }}{{ if . }}{{- continue -}}{{ end }}{{ end }}",
    "env": "{{ env \"HOME\" }}",
    "else with": "{{ with .a }}{{ else with .b }}{{ end }}",
    "Subcharts": "{{ .Subcharts.x.Values.y }}",
    "more than one line": "{{ dict\n  \"a\" 1 }}",
}
# And what it must let pass.
OLD = "{{- /* break\n toYamlPretty */ -}}{{ `a\ntoYamlPretty` }}{{ if and .toYamlPretty $break.continue (dict \"env\" 'x' 1.5 0x1F).env }}{{ else if nil }}{{ end }} break"


def actions(text):
    """(line number, its tokens as (kind, text)) of each action."""
    at = text.find("{{")
    while at >= 0:
        line, tokens, position = text.count("\n", 0, at) + 1, [], at + 2
        while position < len(text):
            token = TOKEN.match(text, position)
            position = token.end()
            if token.lastgroup == "end":
                break
            if token.lastgroup:
                tokens.append((token.lastgroup, token.group()))
        yield line, tokens
        at = text.find("{{", position)


def problems_of(text, name):
    for line, tokens in actions(text):
        words = [found for kind, found in tokens if kind == "word"]
        for word in words:
            if word not in FUNCTIONS | KEYWORDS:
                yield f"{name}:{line}: Helm 3.5.2 has no function {word}"
        if words[:2] == ["else", "with"]:
            yield f"{name}:{line}: `else with` is of Go 1.23, Helm 3.5.2 of Go 1.15"
        for kind, found in tokens:
            if kind == "field" and found[1:] in LATER_OBJECTS:
                yield f"{name}:{line}: Helm 3.5.2 has no {found}"
        if ("newline", "\n") in tokens:
            yield f"{name}:{line}: an action of more than one line is of Go 1.16, Helm 3.5.2 of Go 1.15"


def problems():
    """Sentences about what Helm 3.5.2 would not know in charts/**/templates/**."""
    found = []
    for path in sorted((helm.ROOT / "charts").glob("**/templates/**/*")):
        if path.is_file():
            found += problems_of(path.read_text(encoding="utf-8"), path.relative_to(helm.ROOT / "charts"))
    return found


def red():
    """What is found in a text that has all that is newer: each has to be in a sentence of its own."""
    found = [list(problems_of(text, what)) for what, text in NEWER.items()]
    if list(problems_of(OLD, "old")) or not all(len(own) == 1 for own in found):
        return []
    return [sentence for own in found for sentence in own]
