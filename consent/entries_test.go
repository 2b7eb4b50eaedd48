package consent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

func TestNamesInAnyScriptAreKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("  بلدية ليون ")
	for _, name := range []string{
		"مركز الاستقبال النهاري (٢)", "د کابل د کډوالو مرکز", "خانه\u200cی امید", "ቤት መቀበሊ", "Центр «Надія»", "Cafe\u0301 social", "日間中心",
		"בית פתוח \u200eA\u200e", "काठमाडौं क्\u200dष", "L’Étoile – accueil & soins", "\u0601\u0661\u0662 بند",
	} {
		centre := relayOf(town, name)
		centre.Place, centre.Contact = name, name
		state := s.sign(t, s.begin(t), adding(town, centre)...)
		got, err := state.Relay(centre.ID)
		require.NoError(t, err, name)
		require.Equal(t, strings.ReplaceAll(name, "e\u0301", "é"), got.Name)
		o, err := state.Organisation(town.ID)
		require.NoError(t, err)
		require.Equal(t, "بلدية ليون", o.Name)
	}
}

func TestNamesThatDeceiveAreRefusedByField(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("Ville de Lyon")
	hostile := map[string]string{
		"override": "CCAS \u202enoyL", "embedding": "مركز\u202bX", "isolate": "CCAS \u2067Lyon\u2069", "line break": "CCAS\nLyon", "tab": "CCAS\tLyon",
		"null": "CCAS\x00", "escape": "CCAS \x1b[2J", "zero width": "CC\u200bAS", "soft hyphen": "CC\u00adAS", "byte order mark": "\ufeffCCAS",
		"tag": "CCAS\U000e0041", "line separator": "CCAS\u2028Lyon", "not UTF-8": "CCAS \xff", "two spaces": "CCAS  Lyon", "private use": "CCAS \ue000",
		"word joiner": "CC\u2060AS", "C1 control": "CC\u0085AS", "long": strings.Repeat("ا", 201),
	}
	for why, text := range hostile {
		for field, set := range map[string]func(o *consent.Organisation, r *consent.Relay, l *consent.Licence){
			"organisation.name": func(o *consent.Organisation, _ *consent.Relay, _ *consent.Licence) { o.Name = text },
			"relay.name":        func(_ *consent.Organisation, r *consent.Relay, _ *consent.Licence) { r.Name = text },
			"relay.place":       func(_ *consent.Organisation, r *consent.Relay, _ *consent.Licence) { r.Place = text },
			"relay.contact":     func(_ *consent.Organisation, r *consent.Relay, _ *consent.Licence) { r.Contact = text },
			"licence.number":    func(_ *consent.Organisation, _ *consent.Relay, l *consent.Licence) { l.Number = text },
			"licence.payer":     func(_ *consent.Organisation, _ *consent.Relay, l *consent.Licence) { l.Payer = text },
		} {
			requireField(t, s, town, field, why, set)
		}
	}
}

// requireField says that an entry is refused, and for which field. What the authority
// would not sign, a reader does not take either, whoever signed it.
func requireField(t *testing.T, s *stage, town *consent.Organisation, field, why string, set func(*consent.Organisation, *consent.Relay, *consent.Licence)) {
	t.Helper()
	o, r := *town, relayOf(town, "Accueil de jour")
	l := licenceOf(r, "2026-1", "2026-01-01", "2026-12-31")
	set(&o, r, l)
	_, err := s.authority.Sign(s.begin(t), consent.Change{Organisation: &o}, consent.Change{Relay: r}, consent.Change{Licence: l})
	var wrong *vault.InvalidError
	require.ErrorAs(t, err, &wrong, "%s in %s", why, field)
	require.Equal(t, field, wrong.Field, why)
	require.NotContains(t, err.Error(), "CCAS", "the text itself is not repeated")
}

func TestFieldsThatAreNoneAreRefusedByName(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("Ville de Lyon")
	type (
		o = func(*consent.Organisation)
		r = func(*consent.Relay)
		l = func(*consent.Licence)
	)
	for field, all := range map[string][]any{
		"organisation.id":      {o(func(o *consent.Organisation) { o.ID = consent.OrganisationID{} })},
		"organisation.name":    {o(func(o *consent.Organisation) { o.Name = " " })},
		"organisation.country": {o(func(o *consent.Organisation) { o.Country = "fr" }), o(func(o *consent.Organisation) { o.Country = "France" })},
		"relay.id":             {r(func(r *consent.Relay) { r.ID = vault.ID{} })},
		"relay.organisation":   {r(func(r *consent.Relay) { r.Organisation = consent.NewOrganisationID() })},
		"relay.name":           {r(func(r *consent.Relay) { r.Name = "" })},
		"relay.type":           {r(func(r *consent.Relay) { r.Type = "police" }), r(func(r *consent.Relay) { r.Type = "" })},
		"relay.country":        {r(func(r *consent.Relay) { r.Country = "" })},
		"relay.languages": {
			r(func(r *consent.Relay) { r.Languages = []string{"français"} }), r(func(r *consent.Relay) { r.Languages = []string{"fr", "fr"} }),
			r(func(r *consent.Relay) { r.Languages = make([]string, 31) }),
		},
		"relay.key":        {r(func(r *consent.Relay) { r.Key = consent.RelayKey{} }), r(func(r *consent.Relay) { r.Key = consent.RelayKey{1} })},
		"relay.since":      {r(func(r *consent.Relay) { r.Since = "" }), r(func(r *consent.Relay) { r.Since = "2026-02-30" })},
		"licence.relay":    {l(func(l *consent.Licence) { l.Relay = vault.ID{1} }), l(func(l *consent.Licence) { l.Relay = vault.ID{} })},
		"licence.number":   {l(func(l *consent.Licence) { l.Number = "" })},
		"licence.from":     {l(func(l *consent.Licence) { l.From = "" }), l(func(l *consent.Licence) { l.From = "1.1.2026" })},
		"licence.to":       {l(func(l *consent.Licence) { l.To = "2025-12-31" })},
		"licence.fee":      {l(func(l *consent.Licence) { l.Fee = -1 })},
		"licence.currency": {l(func(l *consent.Licence) { l.Currency = "€" })},
	} {
		for _, set := range all {
			requireField(t, s, town, field, "", func(org *consent.Organisation, relay *consent.Relay, licence *consent.Licence) {
				switch set := set.(type) {
				case o:
					set(org)
				case r:
					set(relay)
				case l:
					set(licence)
				}
			})
		}
	}
	for _, c := range []consent.Change{{}, {Organisation: town, Relay: relayOf(town, "x")}} {
		_, err := s.authority.Sign(s.begin(t), c)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
}

func TestTwoRelaysNeverHaveOneKey(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("Ville de Lyon")
	one, other := relayOf(town, "Un"), relayOf(town, "Deux")
	other.Key = one.Key
	_, err := s.authority.Sign(s.begin(t), adding(town, one, other)...)
	var wrong *vault.InvalidError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "relay.key", wrong.Field)
}

func TestAnOrganisationIsWithdrawnWithItsRelays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town, other := organisation("Ville de Lyon"), organisation("Ville de Paris")
	one, two, three := relayOf(town, "Un"), relayOf(town, "Deux"), relayOf(other, "Trois")
	two.Withdrawn = "2026-01-07"
	state := s.sign(t, s.begin(t), append(adding(town, one, two), adding(other, three)...)...)
	state = s.sign(t, state, consent.Change{WithdrawOrganisation: &town.ID, On: "2026-03-02"})
	for id, day := range map[consent.RelayID]vault.Date{one.ID: "2026-03-02", two.ID: "2026-01-07", three.ID: ""} {
		r, err := state.Relay(id)
		require.NoError(t, err)
		require.Equal(t, day, r.Withdrawn)
	}
	_, err := s.authority.Sign(state, consent.Change{Relay: relayOf(town, "Quatre")})
	require.ErrorIs(t, err, vault.ErrInvalid)
	nobody := consent.NewOrganisationID()
	for _, c := range []consent.Change{{WithdrawOrganisation: &nobody, On: "2026-03-02"}, {WithdrawLicence: &consent.LicenceID{Relay: one.ID, Number: "9"}, On: "2026-03-02"}} {
		_, err = s.authority.Sign(state, c)
		require.ErrorIs(t, err, consent.ErrNotNamed)
	}
	_, err = s.authority.Sign(state, consent.Change{WithdrawRelay: &three.ID})
	require.ErrorIs(t, err, vault.ErrInvalid, "on which day?")
}

func TestAChangeGoesThroughJSONAsItIs(t *testing.T) {
	t.Parallel()
	town := organisation("بلدية ليون")
	r := relayOf(town, "Accueil")
	for _, c := range []consent.Change{
		{Organisation: town}, {Relay: r}, {Licence: licenceOf(r, "1", "2026-01-01", "2026-12-31")},
		{WithdrawOrganisation: &town.ID, On: "2026-03-02"}, {WithdrawRelay: &r.ID, On: "2026-03-02"}, {WithdrawLicence: &consent.LicenceID{Relay: r.ID, Number: "1"}, On: "2026-03-02"},
	} {
		text, err := json.Marshal(c)
		require.NoError(t, err)
		var again consent.Change
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, c, again)
	}
}

// Whatever bytes are taken for a directory: an error, and never a panic or a directory
// that is not the authority's.
func FuzzParseDirectory(f *testing.F) {
	a, err := consent.AuthorityFromSeed([]byte(strings.Repeat("a", 32)))
	require.NoError(f, err)
	town := &consent.Organisation{ID: consent.OrganisationID{1}, Name: "Ville de Lyon", Country: "FR"}
	relay := &consent.Relay{ID: vault.ID{2}, Organisation: town.ID, Name: "Un", Type: consent.TypeCCAS, Country: "FR", Key: seededKey(3), Since: "2026-01-01"}
	state, err := a.Begin()
	require.NoError(f, err)
	known := map[string]bool{}
	for _, c := range [][]consent.Change{nil, {{Organisation: town}}, {{Relay: relay}, {Licence: licenceOf(relay, "1", "2026-01-01", "2026-12-31")}}} {
		state, err = a.Sign(state, c...)
		require.NoError(f, err)
		bundle, err := state.Bundle()
		require.NoError(f, err)
		known[string(bundle)] = true
		f.Add(bundle)
		f.Add(bundle[:len(bundle)/2])
		f.Add(append(bundle, 0))
	}
	f.Add([]byte{})
	f.Add([]byte{0xa3, 1, 1, 2, 0x5a, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		_, claimErr := consent.ClaimedAuthority(bytes)
		s, err := consent.ParseDirectory(a.Public(), bytes)
		if known[string(bytes)] {
			require.NoError(t, err)
			require.NoError(t, claimErr)
			again, err := s.Bundle()
			require.NoError(t, err)
			require.Equal(t, bytes, again)
			return
		}
		require.Error(t, err)
		require.NotEmpty(t, vault.Code(err))
	})
}

func seededKey(b byte) consent.RelayKey {
	key, err := seal.SigningKeyFromBytes([]byte(strings.Repeat(string(rune('a'+b)), 32)))
	if err != nil {
		panic(err)
	}
	return consent.RelayKey(key.Public())
}

func TestBundlesThatAreHugeOrCutAreRefused(t *testing.T) {
	t.Parallel()
	p := twice(t)
	bundle := carried(t, p.after)
	for n := range len(bundle) {
		_, err := p.directory.Publish(t.Context(), bundle[:n])
		require.ErrorIs(t, err, vault.ErrTampered)
		flipped := []byte(string(bundle))
		flipped[n] ^= 1 << (n % 8)
		_, err = p.directory.Publish(t.Context(), flipped)
		require.Error(t, err)
		require.NotEmpty(t, vault.Code(err))
	}
	_, err := p.directory.Publish(t.Context(), make([]byte, 50<<20))
	require.ErrorIs(t, err, vault.ErrTooMany)
	requireVersion(t, p.stage, p.after)
}
