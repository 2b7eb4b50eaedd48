package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tables are the bodies that this program reads, by their names in docs/format.md.
var tables = map[string]shape{
	"service-keys": serviceKeys, "keyslot": slotBody, "generation": generation, "keyring": keyring, "keyring-clear": clearRing, "head-clear": clearHead, "head": headBody,
	"owner-head": headFields, "journal-head": journalHead, "page-clear": clearPage, "part": partFields, "item-clear": clearItem, "signature": signature, "item": itemBody,
	"actor": actor, "origin": origin, "item-facts": itemFacts, "paper-clear": clearPaper, "paper": paperBody, "consent": consent, "space": space, "restored": restored,
	"entry-clear": clearEntry, "entry": entryBody, "entry-facts": entryFacts, "grant-paper": grantPaper, "session-clear": clearSess, "session": sessBody,
	"organisation": organisation, "relay": relay, "licence": licence, "directory-entry": entries, "directory-page": directoryPage, "bundle": bundle,
	"terms": termsFields, "chosen-item": chosenFields, "grant": grantFields, "credential": credentialFields, "member": memberFields,
	"deposit-clear": clearDeposit, "deposit": depositBody, "gaps": gapsFields, "factor": factorFields, "card": cardFields, "rules": rulesFields,
	"link": linkFields, "link-credential": linkCredential, "arrival": arrivalFields, "transfer-box": transferBox, "transfer-receipt": transferReceipt,
	"wish": wishFields, "carry": carryFields, "death": deathFields, "representative": *representativeFields.of,
	"membership": membershipFields, "profile": profileFields, "left-key": leftKeyFields, "roster-entry": rosterFields, "member-facts": memberFactsFields,
	"ask": askFields, "invitation": invitationFields, "note": noteFields, "note-facts": noteFactsFields, "open-vault": openedFields,
	"path-params": paramsFields, "path-shown": shownFields, "request": requestFields, "given": givenFields, "given-body": givenBodyFields, "given-half": givenHalfFields,
	"policy": policyFields, "policy-clear": clearPolicy, "stop-clear": clearStop, "stop": stopBody, "stop-facts": stopFacts,
	"consent-receipt": consentReceipt, "restore": restoreFields, "complete-statement": completeFields,
}

// TestTheTablesAreThoseOfTheDocument: a field that is added to the document is added here.
func TestTheTablesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	d := drawn(t)
	for name, table := range tables {
		require.Equal(t, d.shape(name), table, name)
	}
}

// TestBodiesReadAsTheDocumentDrawsThem: the bytes that the library makes of every body are
// those of the document, which is read for it: whole, and with what must be there alone.
func TestBodiesReadAsTheDocumentDrawsThem(t *testing.T) {
	t.Parallel()
	d, tried := drawn(t), 0
	for _, file := range []string{"../../vault/testdata/bodies.txt", "../../vault/testdata/bodies-added.txt", "../../vault/testdata/bodies-attested.txt", "../../vault/testdata/bodies-links.txt", "../../vault/testdata/bodies-remind.txt", "../../vault/testdata/bodies-partners.txt", "../../vault/testdata/bodies-transfer.txt", "../../consent/testdata/bodies.txt", "../../consent/testdata/bodies-attest.txt", "../../consent/testdata/bodies-attest-end.txt", "../../consent/testdata/bodies-invited.txt", "../../consent/testdata/bodies-told.txt", "../../consent/testdata/bodies-partners.txt", "../../consent/testdata/bodies-partner-tokens.txt", "../../consent/testdata/bodies-partner-limits.txt", "../../consent/testdata/bodies-partner-leave.txt", "../../recovery/testdata/bodies.txt"} {
		v, err := load(file)
		require.NoError(t, err)
		for _, b := range v.all("body") {
			word, name, _ := strings.Cut(b.line, " ")
			o, err := parse(d.shape(name), b.data)
			require.NoError(t, err, b.line)
			for key, of := range d.shape(name).fields {
				_, may := of.(optional)
				may = may && (name != "partner-answer" || key != 5) // its receipt is written also where it says nothing
				require.Equal(t, word == "whole" || !may, has(o, key), "%s, field %d", b.line, key)
			}
			_, err = parse(d.shape(name), append(b.data, 0))
			require.ErrorIs(t, err, errFormat, b.line)
			tried++
		}
	}
	require.Greater(t, tried, 120)
}

// document are the definitions of docs/format.md, by name.
type document struct {
	t     *testing.T
	lines map[string][]string
}

var (
	definition = regexp.MustCompile(`(?ms)^([a-z-]+) = \{\n(.*?)^\}`)
	drawnField = regexp.MustCompile(`^  (\? )?(\d+): (\{.*\}|\[[^\]]*\]|\S+)`)
	basics     = map[string]shape{"u8": u8, "u16": u16, "u32": u32, "u64": u64, "i64": i64, "bool": flag, "text": text, "scope": text, "kind": text, "bytes": raw, "bytes16": id(), "bytes32": key32(), "{text: text}": texts}
)

func drawn(t *testing.T) document {
	t.Helper()
	b, err := os.ReadFile("../../docs/format.md")
	require.NoError(t, err)
	d := document{t: t, lines: map[string][]string{}}
	for _, m := range definition.FindAllStringSubmatch(string(b), -1) {
		require.NotContains(t, d.lines, m[1], "defined twice")
		d.lines[m[1]] = strings.Split(strings.TrimSuffix(m[2], "\n"), "\n")
	}
	return d
}

func (d document) shape(name string) shape {
	if s, ok := basics[name]; ok {
		return s
	}
	if of, ok := strings.CutPrefix(name, "["); ok {
		return list(d.shape(strings.TrimSuffix(of, "]")))
	}
	if of, ok := strings.CutPrefix(name, "{u8: "); ok {
		return d.shape(strings.TrimSuffix(of, "}")).byNumber()
	}
	require.Contains(d.t, d.lines, name, "docs/format.md does not say what this is")
	all := map[uint64]any{}
	for _, line := range d.lines[name] {
		m := drawnField.FindStringSubmatch(line)
		require.NotNil(d.t, m, "%s: %q", name, line)
		number, err := strconv.ParseUint(m[2], 10, 64)
		require.NoError(d.t, err)
		if of := d.shape(m[3]); m[1] != "" {
			all[number] = optional{of}
		} else {
			all[number] = of
		}
	}
	return fields(all)
}
