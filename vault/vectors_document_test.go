package vault_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testvectors"
	"reconnect.example/recovery"
)

// described says under which name docs/format.md has each stored struct.
var described = map[string]string{
	"seal.KDF": "kdf", "seal.OwnerHead": "owner-head", "seal.Succession": "succession", "seal.CompartmentKeys": "compartment-keys",
	"seal.SlotEntry": "slot", "seal.reset": "reset", "seal.Restore": "restore", "seal.RestoredHead": "restored-head", "seal.countersigned": "complete-statement",
	"vault.serviceKeysBody": "service-keys", "vault.slotBody": "keyslot", "vault.slotRoot": "slot-root", "vault.keyringClear": "keyring-clear",
	"vault.keyringBody": "keyring", "vault.generationBody": "generation", "vault.clearHead": "head-clear", "vault.sealedHead": "head",
	"vault.pageClear": "page-clear", "vault.recordClear": "item-clear", "vault.part": "part", "vault.recordBody": "item", "vault.signature": "signature",
	"vault.recordFacts": "item-facts", "vault.originFacts": "origin", "vault.Actor": "actor", "vault.documentFacts": "document",
	"vault.contactFacts": "contact", "vault.appointmentFact": "appointment", "vault.journalHead": "journal-head", "vault.entryClear": "entry-clear",
	"vault.entryBody": "entry", "vault.entryFacts": "entry-facts", "vault.paperClear": "paper-clear", "vault.ownerPaper": "paper",
	"vault.consentBody": "consent", "vault.Notice": "notice", "vault.spacePaper": "space", "vault.restoredBody": "restored",
	"vault.stopClear": "stop-clear", "vault.stopFacts": "stop-facts", "vault.stopBody": "stop", "vault.sessionClear": "session-clear", "vault.sessionBody": "session", "vault.onceBody": "once", "vault.moving": "moving", "vault.receiptBody": "receipt", "vault.uploadClear": "upload-clear", "vault.uploadBody": "upload", "vault.uploadFacts": "upload-facts",
	"vault.linkBody": "link", "vault.linkCredential": "link-credential", "vault.linkPaper": "link-paper", "vault.usesBody": "uses", "vault.keptBody": "kept-apart", "vault.linkUse": "use",
	"quota.ledger": "ledger", "quota.reservation": "reservation", "quota.storedIncrease": "increase", "quota.storedHistory": "increases",
	"witness.vaultRecord": "watched", "witness.headRecord": "checkpoint", "witness.sideRecord": "side-record", "witness.forkRecord": "fork",
	"witness.counterRecord": "counter", "witness.policyRecord": "watched-policy", "witness.requestRecord": "watched-request", "witness.approverRecord": "approver", "witness.clockRecord": "clock", "witness.keyRecord": "evaluation-key", "witness.latestRecord": "latest-key",
	"witness.escrowRecord": "escrow", "witness.lossRecord": "loss", "witness.escrowBody": "escrow-keys", "witness.escrowPart": "escrow-part",
	"seal.Terms": "terms", "seal.Commitment": "commitment", "vault.half": "half", "vault.lineRange": "line-range",
	"seal.LockedPrivate": "locked", "seal.Policy": "policy", "seal.policyClear": "policy-clear", "seal.PolicyInbox": "policy-inbox", "vault.policyPaper": "policy-paper", "seal.PolicyRule": "policy-rule", "seal.PolicyCounter": "policy-counter", "seal.PolicyParty": "policy-party",
	"seal.Approval": "approval", "seal.SignedApproval": "signed-approval", "vault.parts": "path-parts", "vault.pathBody": "path", "vault.grantBody": "grant", "vault.chosenItem": "chosen-item", "vault.grantPaper": "grant-paper",
	"vault.depositClear": "deposit-clear", "vault.depositBody": "deposit", "vault.gapsBody": "gaps", "vault.gap": "gap",
	"vault.cardPaperBody": "card", "vault.factorBody": "factor",
	"vault.rulesBody": "rules", "vault.kindRule": "kind-rule", "vault.folderRule": "folder-rule", "vault.representativeBody": "representative",
	"vault.wishBody": "wish", "vault.wishCarry": "carry", "vault.deathBody": "death", "vault.lastSeen": "seen",
	"vault.remindBody": "remind", "vault.remindToBody": "remind-to", "vault.choiceBody": "choice", "vault.reminderBody": "reminder", "vault.remindPaperBody": "remind-paper", "vault.remindedBody": "reminded", "vault.askedBody": "asked",
	"vault.arrivalBody": "arrival", "vault.arrivalPartBody": "arrival-part", "vault.arrivalPaperBody": "arrival-paper", "vault.departureBody": "departure", "vault.transferKeysBody": "transfer-keys", "vault.transferBody": "transfer-box", "vault.transferReceiptBody": "transfer-receipt",
	"consent.page": "directory-page", "consent.entry": "directory-entry", "consent.Organisation": "organisation", "consent.Relay": "relay",
	"consent.Licence": "licence", "consent.bundle": "bundle", "seal.Credential": "credential", "seal.CredentialBody": "member", "consent.membership": "membership",
	"consent.memberFacts": "member-facts", "consent.askBody": "ask", "consent.invitationRecord": "invitation", "consent.invitedRecord": "invited", "consent.labelBody": "invitation-label", "consent.askedMark": "asked-mark",
	"consent.profile": "profile", "consent.founding": "founding", "consent.leftKey": "left-key",
	"consent.rosterEntry": "roster-entry", "consent.draftEntry": "draft", "consent.openedEntry": "opened-mark", "consent.noteBody": "note",
	"consent.noteFacts": "note-facts", "consent.followFacts": "follow-facts", "consent.keptReceipt": "kept-receipt", "consent.opened": "open-vault",
	"recovery.record": "request", "recovery.openingBody": "request-opening", "recovery.given": "given", "recovery.givenBody": "given-body", "recovery.halfBody": "given-half",
	"recovery.noteBody": "request-note", "recovery.atPage": "page", "recovery.laterBody": "later", "recovery.params": "path-params", "recovery.shown": "path-shown",
	"vault.partnersBody": "partners", "vault.partnerLinksBody": "partner-links", "vault.partnerLink": "partner-leaving", "consent.partnerBook": "partner-book", "consent.refusedAsk": "partner-refused", "consent.keptLink": "partner-kept-link",
	"consent.askedBody": "partner-request", "consent.codeSlip": "partner-code", "consent.askSlip": "partner-ask", "consent.tokenSlip": "partner-token", "consent.countSlip": "partner-count", "consent.placesSlip": "partner-places", "consent.leaveSlip": "partner-leave", "consent.toldBody": "told", "consent.answerSlip": "partner-answer",
	"consent.paperSlip": "partner-paper", "consent.linkSlip": "partner-link", "consent.Partner": "partner", "consent.partnerPage": "partner-page",
	"vault.documentData": "document-data", "consent.attestKeyData": "attest-key", "consent.attestKeyRecord": "attest-published", "consent.attestKeyBody": "attest-public", "consent.attestEndBody": "attest-end", "consent.attestEndRecord": "attest-ended",
	"consent.Receipt": "consent-receipt", "consent.Processing": "processing", "consent.NoticeReference": "privacy-notice", "consent.Party": "party", "consent.ConsentEvent": "event",
}

// TestEveryBodyHasItsBytesPublished: none is forgotten among those of the three packages,
// but for what stands inside another.
func TestEveryBodyHasItsBytesPublished(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, file := range []string{"../docs/format.md", "testdata/bodies.txt", "testdata/bodies-added.txt", "testdata/bodies-remind.txt", "testdata/bodies-attested.txt", "testdata/bodies-links.txt", "testdata/bodies-kept.txt", "testdata/bodies-transfer.txt", "testdata/bodies-partners.txt", "testdata/bodies-partner-links.txt", "../consent/testdata/bodies-partners.txt", "../consent/testdata/bodies-partner-tokens.txt", "../consent/testdata/bodies-partner-limits.txt", "../consent/testdata/bodies-invited.txt", "../consent/testdata/bodies-told.txt", "../consent/testdata/bodies-partner-leave.txt", "../consent/testdata/bodies.txt", "../consent/testdata/bodies-attest.txt", "../consent/testdata/bodies-attest-end.txt", "../consent/testdata/bodies-attest-ended.txt", "../recovery/testdata/bodies.txt"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		texts = append(texts, string(b))
	}
	document, published := texts[0], strings.Join(texts[1:], "")
	for name, drawn := range described {
		of, _, _ := strings.Cut(name, ".")
		inside := regexp.MustCompile(`(?m)^  (\? )?\d+: (\{u8: )?\[?` + drawn + `\b[^-]`).MatchString(document)
		if of == "quota" || of == "witness" || of == "seal" || inside { // of a service's own books, or signed in vectors of their own
			continue
		}
		require.Contains(t, published, "\nbody: whole "+drawn+"\n", name)
		require.Contains(t, published, "\nbody: least "+drawn+"\n", name)
	}
}

// numbered are constants that stand in tables of the document as "| number | name |".
var numbered = []struct{ file, pattern string }{ // of a file, or all files of a folder
	{"../internal/seal/types.go", `Type([A-Z]\w+)\s+Type = (\d+)`},
	{"items.go", `Kind([A-Z]\w+)\s+Kind = (\d+)`},
	{".", `paper([A-Z]\w+)\s+uint8 = (\d+)`},
	{"../consent", `form([A-Z]\w+) +form = (\d+)`},
	{"keyslot.go", `slot(Password|Held|Card|Path)\s+uint8 = (\d+)`},
}

// TestTheFormatIsAsTheDocumentSays holds docs/format.md against the code: every
// struct that is stored with its fields, every number of a table, every key.
func TestTheFormatIsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	document := string(raw)
	structs := storedStructs(t)
	for name, fields := range structs {
		require.NotEmpty(t, described[name], "docs/format.md does not describe %s, which is stored", name)
		require.Equal(t, fields, describedFields(document, described[name]), "%s, in docs/format.md %s", name, described[name])
	}
	for name := range described {
		require.Contains(t, structs, name, "docs/format.md describes what is not stored")
	}
	for _, n := range numbered {
		all := regexp.MustCompile(n.pattern).FindAllStringSubmatch(source(t, n.file), -1)
		require.NotEmpty(t, all, n.pattern)
		for _, c := range all {
			require.True(t, strings.Contains(document, fmt.Sprintf("\n| %s | %s |", c[2], c[1])), "docs/format.md has no | %s | %s | of %s", c[2], c[1], n.file)
		}
	}
	for _, pattern := range []string{
		`Act\w* +Act += ("[a-z.-]+")`, // acts
		`id\.key\("([a-z]+/?)`,        // keys
		`DueKey\([^\n]*("[a-z]+-?)`,   // deadlines
		`= "(svc/[a-z]+|login/)"`,     // the service's own
	} {
		all := regexp.MustCompile(pattern).FindAllStringSubmatch(source(t, "."), -1)
		require.NotEmpty(t, all, pattern)
		for _, found := range all {
			word := strings.Trim(found[1], `"`)
			require.True(t, strings.Contains(document, "`"+word) || strings.Contains(document, "`V/"+word), "docs/format.md does not have %q", word)
		}
	}
	for _, other := range []struct{ folder, pattern string }{
		{"../recovery", `Act\w* +vault\.Act += "([a-z.-]+)"`}, // acts
		{"../recovery", `Dir += "(/[a-z/]+/)"`},               // keys
		{"../recovery", `bound\([^"\n]*"([^"]+)"`},            // holders
		{".", `DeriveKey\([^"\n]*"([^"]+)"`},                  // labels of keys
		{"../recovery", `DeriveKey\([^"\n]*"([^"]+)"`},
		{"../consent", `DeriveKey\([^"\n]*"([^"]+)"`},
		{"../internal/seal", `DeriveKey\([^"\n]*"([^"]+)"`},
		{"../recovery", `"(reconnect recovery [^"]+)"`},
	} {
		all := regexp.MustCompile(other.pattern).FindAllStringSubmatch(source(t, other.folder), -1)
		require.NotEmpty(t, all, other.pattern)
		for _, found := range all {
			require.True(t, strings.Contains(document, found[1]), "docs/format.md does not have %q of %s", found[1], other.folder)
		}
	}
	for name, pattern := range map[string]string{
		"time, passes": `floorTime, ceilingTime +uint32 = (\d+), (\d+)`, "threads": `floorThreads, ceilingThreads +uint8 += (\d+), (\d+)`,
	} {
		bounds := regexp.MustCompile(pattern).FindStringSubmatch(source(t, "../internal/seal/kdf.go"))
		require.Len(t, bounds, 3, pattern)
		require.Contains(t, document, fmt.Sprintf("\n| %s | %s | %s |", name, bounds[1], bounds[2]))
	}
}

// TestEveryKindOfVectorIsDescribed: and so is every picture, since names are derived from.
func TestEveryKindOfVectorIsDescribed(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(raw), "\n| kind | material, and what comes out |\n")
	require.True(t, ok)
	all, err := testvectors.Load(vectorFolder)
	require.NoError(t, err)
	for name, v := range all {
		require.Regexp(t, "(?m)^\\| [^|]*`"+v.Text("kind")+"`[^|]* \\|", table, name)
	}
	var pictures []string
	for _, p := range recovery.Pictures() {
		pictures = append(pictures, p.Name)
	}
	require.Contains(t, string(raw), "`"+strings.Join(pictures, " ")+"`")
}

func source(t *testing.T, file string) string {
	t.Helper()
	if filepath.Ext(file) != ".go" {
		var all strings.Builder
		for _, one := range sources(t, file) {
			all.WriteString(source(t, one))
		}
		return all.String()
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}

// sources are the files of a folder that are built. What the witness sends is
// not stored.
func sources(t *testing.T, folder string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	for _, file := range all {
		if !strings.HasSuffix(file, "_test.go") && filepath.Base(file) != "wire.go" {
			files = append(files, file)
		}
	}
	return files
}

// storedStructs are the structs with a form in CBOR, each with its fields as the
// document writes them: "? 3: [bytes]".
func storedStructs(t *testing.T) map[string][]string {
	out := map[string][]string{}
	for pkg, folder := range map[string]string{"seal": "../internal/seal", "vault": ".", "quota": "../quota", "witness": "../recovery/witness", "consent": "../consent", "recovery": "../recovery"} {
		for _, file := range sources(t, folder) {
			syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(syntax, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if s, ok := spec.Type.(*ast.StructType); ok {
					if fields := storedFields(s); len(fields) > 0 {
						out[pkg+"."+spec.Name.Name] = fields
					}
				}
				return true
			})
		}
	}
	return out
}

func storedFields(s *ast.StructType) (fields []string) {
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		words := strings.Split(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("cbor"), ",")
		if len(words) < 2 {
			continue
		}
		optional, kind := "", kindOf(f.Type)
		if len(words) == 3 && kind != "bytes16" && kind != "bytes32" { // which are never empty
			optional = "? "
		}
		fields = append(fields, optional+words[0]+": "+kind)
	}
	return fields
}

// kindOf is how the document writes a type; "…" for another struct.
func kindOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ArrayType:
		element := kindOf(e.Elt)
		if length, ok := e.Len.(*ast.BasicLit); ok && element == "u8" {
			return "bytes" + length.Value
		}
		if element == "u8" {
			return "bytes"
		}
		return "[" + element + "]"
	case *ast.StarExpr:
		return kindOf(e.X)
	case *ast.SelectorExpr:
		return kindOf(e.Sel)
	case *ast.MapType:
		return "{" + kindOf(e.Key) + ": " + kindOf(e.Value) + "}"
	case *ast.Ident:
		if kind, ok := kindNames[e.Name]; ok {
			return kind
		}
	}
	return "…"
}

var kindNames = map[string]string{
	"byte": "u8", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "int": "i64", "int64": "i64", "bool": "bool", "string": "text",
	"Kind": "u8", "Compartment": "u8", "Date": "text", "Act": "text", "ActorKind": "text", "Scope": "u8", "PathKind": "u8", "EndedBy": "text",
	"Want": "text", "Channel": "text", "MessageKind": "text", "month": "i64",
	"RelayID": "bytes16", "OrganisationID": "bytes16", "PartnerKey": "bytes32", "RelayKey": "bytes32", "RelayType": "text", "Role": "u8", "ID": "bytes16",
}

var describedField = regexp.MustCompile(`^  (\? )?(\d+): (\{.*\}|\[[^\]]*\]|\S+)`)

// describedFields reads a definition of the document.
func describedFields(document, name string) (fields []string) {
	_, after, _ := strings.Cut(document, "\n"+name+" = {\n")
	body, _, _ := strings.Cut(after, "\n}")
	basic := regexp.MustCompile(`^(u8|u16|u32|u64|i64|bool|text|bytes|bytes16|bytes32)$`)
	known := func(kind string) string {
		if basic.MatchString(kind) {
			return kind
		}
		return "…"
	}
	for line := range strings.SplitSeq(body, "\n") {
		m := describedField.FindStringSubmatch(line)
		if m == nil {
			return append(fields, "not understood: "+line)
		}
		kind := m[3]
		switch {
		case strings.HasPrefix(kind, "["):
			kind = "[" + known(strings.Trim(kind, "[]")) + "]"
		case strings.HasPrefix(kind, "{"):
			key, value, _ := strings.Cut(strings.Trim(kind, "{}"), ": ")
			if strings.HasPrefix(value, "[") {
				value = "[" + known(strings.Trim(value, "[]")) + "]"
			}
			kind = "{" + key + ": " + value + "}"
		default:
			kind = known(kind)
		}
		fields = append(fields, m[1]+m[2]+": "+kind)
	}
	return fields
}
