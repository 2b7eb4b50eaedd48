package pages

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	words "reconnect.example/refserver/language"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// sign has a change shown and signs what was shown.
func (s *stage) sign(path string, values url.Values) got {
	s.Helper()
	before := s.published().Version()
	preview := s.post(path, values).is(http.StatusOK, "Read before you sign", "Sign and publish")
	require.Equal(s, before, s.published().Version(), "a preview signs nothing")
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(preview.body)
	require.NotNil(s, version)
	values.Set("step", "sign")
	values.Set("version", version[1])
	done := s.post(path, values).then().is(http.StatusOK, "The directory is published.")
	require.Equal(s, before+1, s.published().Version())
	values.Del("step")
	return done
}

// aRelay is what a new relay was shown when it was founded.
func aRelay() (id, key string) {
	return vault.ID(consent.NewOrganisationID()).String(), consent.RelayKey(seal.NewSigningKey().Public()).String()
}

// town is a directory with one organisation and one relay.
func (s *stage) town() (organisation consent.OrganisationID, relay string) {
	s.Helper()
	o := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Ville de Lyon", Country: "FR"}
	id, text := aRelay()
	relayID, err := consent.ParseRelayID(id)
	require.NoError(s, err)
	key, err := consent.ParseRelayKey(text)
	require.NoError(s, err)
	next, err := s.authority.Sign(s.published(), consent.Change{Organisation: &o}, consent.Change{Relay: &consent.Relay{
		ID: relayID, Organisation: o.ID, Name: "Accueil de jour", Type: consent.TypeDayCentre, Country: "FR", Key: key, Since: "2026-01-01",
	}})
	require.NoError(s, err)
	bundle, err := next.Bundle()
	require.NoError(s, err)
	_, err = s.data.Directory.Publish(s.Context(), bundle)
	require.NoError(s, err)
	return o.ID, id
}

func day(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }

func TestTheDirectoryIsBuiltAfterWhatWasLookedAt(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	s.get("/centres").is(http.StatusOK, "The directory names no centre yet.")
	invited := s.post("/invite", nil).is(http.StatusOK, "Invitation code", "/staff/join")
	require.Regexp(t, `class="words" dir="ltr">[^<]{8,}<`, invited.body)

	s.post("/organisations/add", url.Values{"name": {" "}}).is(http.StatusUnprocessableEntity, "Please fill this in.")
	s.post("/organisations/add", url.Values{"name": {"Town"}, "country": {"XYZ"}}).is(http.StatusUnprocessableEntity, `id="e-country"`, "This is not filled in correctly.").without("The server refuses")
	s.sign("/organisations/add", url.Values{"name": {`Ville <b> de "Lyon"`}}).is(http.StatusOK, "Ville &lt;b&gt; de").without("<b> de")
	organisation := regexp.MustCompile(`/organisations/([a-z2-7]{26})/withdraw`).FindStringSubmatch(s.get("/centres").body)[1]

	id, key := aRelay()
	values := url.Values{"id": {id}, "key": {key}, "organisation": {organisation}, "name": {"مركز"}, "type": {"cada"}, "languages": {"fr, ar"}, "place": {"12 rue des Écoles"}}
	for name, wrong := range map[string]string{"id": "x", "key": strings.Replace(key, "rr-", "ra-", 1), "type": "castle", "since": "tomorrow"} {
		with := url.Values{}
		for k, v := range values {
			with[k] = v
		}
		with.Set(name, wrong)
		s.post("/centres/add", with).is(http.StatusUnprocessableEntity, `id="e-`+name+`"`, "مركز").without("The server refuses")
	}
	parsed, err := consent.ParseRelayKey(key)
	require.NoError(t, err)
	s.post("/centres/add", values).is(http.StatusOK, consent.Fingerprint(parsed), "12 rue des Écoles", "Its key cannot change any more.", "Country</dt>", `name="since" value="`+day(0)[:4])
	edited := url.Values{"step": {"edit"}}
	for k, v := range values {
		edited[k] = v
	}
	s.post("/centres/add", edited).is(http.StatusOK, `value="مركز"`, "See what it changes")
	s.sign("/centres/add", values).is(http.StatusOK, "مركز", "There is no licence yet.")
	s.post("/centres/add", values).is(http.StatusOK, "The directory names this centre already")

	licence := url.Values{"number": {"2026/17 ?"}, "from": {"2026-01-01"}, "to": {day(10)}, "fee": {"2000,01"}, "payer": {"Ville"}}
	path := "/centres/" + id + "/licences/add"
	for _, wrong := range []string{"", "much", "-1", "1.005"} {
		licence.Set("fee", wrong)
		s.post(path, licence).is(http.StatusUnprocessableEntity)
	}
	licence.Set("fee", "2000.01")
	version := s.published().Version()
	licence.Set("step", "sign")
	licence.Set("version", "3")
	s.post(path, licence).is(http.StatusUnprocessableEntity, `id="e-fee"`, "the highest price of a licence: 2000.00 EUR", "See what it changes")
	require.Equal(t, version, s.published().Version())
	licence.Del("step")
	licence.Set("fee", "1500")
	s.sign(path, licence).is(http.StatusOK, "The licence ends soon")
	shown := s.get("/centres/"+id).is(http.StatusOK, "1500.00 EUR", "2026/17 ?", "The licence ends soon")
	withdraw := regexp.MustCompile(`href="(/centres/[a-z2-7]+/licences/withdraw/[^"]+)"`).FindStringSubmatch(shown.body)
	require.NotNil(t, withdraw)
	s.get("/").is(http.StatusOK, "1 centre in the directory. 1 licence ends soon. 1 centre is not here as the directory says", "Look at this:")
	s.sign(withdraw[1], url.Values{})
	s.get("/centres/"+id).is(http.StatusOK, "The licence was withdrawn.")
	s.sign("/centres/"+id+"/withdraw", url.Values{"on": {"2026-03-02"}}).is(http.StatusOK, "Withdrawn on 2 March 2026")
	s.post("/organisations/"+organisation+"/withdraw", nil).is(http.StatusOK, "Ville &lt;b&gt; de").without("Withdrawn with it") // its only centre is gone already
	s.sign("/organisations/"+organisation+"/withdraw", url.Values{})

	relay, err := consent.ParseRelayID(id)
	require.NoError(t, err)
	r, err := s.published().Relay(relay)
	require.NoError(t, err)
	require.EqualValues(t, "2026-03-02", r.Withdrawn)
	require.Equal(t, []string{"fr", "ar"}, r.Languages)
	require.EqualValues(t, 150000, s.published().Licences(relay)[0].Fee)
}

// Of two who change the directory at once, one looks again.
func TestTheOperatorSeesWhichPartnersMayAsk(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	organisation, _ := s.town()
	s.get("/centres").is(http.StatusOK).without("Organisations that may ask for papers")
	keys, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	next, err := s.authority.Sign(s.published(), consent.Change{Partner: &consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: organisation, Name: "CAF", Key: keys.Key(), Box: keys.Box(),
		Scopes: []consent.PartnerScope{consent.PartnerAsk}, Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}})
	require.NoError(t, err)
	bundle, err := next.Bundle()
	require.NoError(t, err)
	_, err = s.data.Directory.Publish(s.Context(), bundle)
	require.NoError(t, err)
	s.get("/centres").is(http.StatusOK, "Organisations that may ask for papers", "CAF", "identity")
}

func TestNothingIsSignedThatWasNotLookedAt(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	organisation, _ := s.town()
	s.post("/organisations/"+organisation.String()+"/withdraw", nil).is(http.StatusOK, "Withdrawn with it", "Accueil de jour")
	for _, version := range []string{"1", "", "99"} {
		values := url.Values{"name": {"Town"}, "step": {"sign"}, "version": {version}}
		s.post("/organisations/add", values).is(http.StatusOK, "The directory has changed in the meantime")
	}
	require.Equal(t, uint64(2), s.published().Version())

	stranger := open(t, true)
	s.config.Admin.Pages.AuthorityKey = stranger.keyFile
	s.post("/organisations/add", url.Values{"name": {"Town"}, "step": {"sign"}, "version": {"2"}}).is(http.StatusUnprocessableEntity, "not the key that signs this directory").without("The server refuses")
	require.Equal(t, uint64(2), s.published().Version())
	for _, path := range []string{"/centres/x", "/centres/x/withdraw", "/organisations/x/withdraw", "/centres/aaaaaaaaaaaaaaaaaaaaaaaaaa/licences/add"} {
		s.get(path).is(http.StatusNotFound, "names no such centre")
	}
}

// The key is on a stick in a drawer: the page says what to sign there, and takes the result.
func TestWithoutTheKeyThePagesSayWhatToSignElsewhere(t *testing.T) {
	t.Parallel()
	s := open(t, false).enter()
	_, relay := s.town()
	values := url.Values{"number": {"7"}, "from": {"2026-01-01"}, "to": {day(300)}, "fee": {"0"}}
	path := "/centres/" + relay + "/licences/add"
	preview := s.post(path, values).is(http.StatusOK, "To be signed where the key lies", "refserver authority sign now.directory").without("Sign and publish")
	values.Set("step", "sign")
	values.Set("version", "2")
	s.post(path, values).is(http.StatusOK, "To be signed where the key lies")
	require.Equal(t, uint64(2), s.published().Version())

	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	now := s.get("/directory/file").is(http.StatusOK)
	require.Equal(t, `attachment; filename="now.directory"`, now.header.Get("Content-Disposition"))
	require.NoError(t, os.WriteFile(file("now"), []byte(now.body), 0o600))
	change := regexp.MustCompile(`(?s)<pre dir="ltr">(\{.*?\})\s*</pre>`).FindStringSubmatch(preview.body)
	require.NotNil(t, change)
	require.NoError(t, os.WriteFile(file("changes"), []byte(strings.ReplaceAll(change[1], "&#34;", `"`)), 0o600))
	c, err := config.Parse([]string{"authority", "sign", file("now"), file("changes"), "--authority-key", s.keyFile, "--out", file("next")}, io.Discard)
	require.NoError(t, err)
	require.NoError(t, admin.RunAuthority(c, io.Discard))
	signed, err := os.ReadFile(file("next"))
	require.NoError(t, err)

	s.upload([]byte("nonsense")).is(http.StatusUnprocessableEntity, "This file is no signed directory.")
	s.upload(nil).is(http.StatusUnprocessableEntity, "Choose a file first.")
	theirs, err := open(t, true).published().Bundle()
	require.NoError(t, err)
	s.upload(theirs).is(http.StatusUnprocessableEntity, "is not signed by the authority of this server").without("The server refuses")
	require.Equal(t, uint64(2), s.published().Version())
	s.upload(signed).then().is(http.StatusOK, "The directory is published.", "In force until")
	require.Equal(t, uint64(3), s.published().Version())
	s.upload([]byte(now.body)).is(http.StatusUnprocessableEntity, "The directory of the server is newer.").without("The server refuses")
}

func (s *stage) upload(content []byte) got {
	s.Helper()
	var body bytes.Buffer
	to := multipart.NewWriter(&body)
	if content != nil {
		part, err := to.CreateFormFile("directory", "next.directory")
		require.NoError(s, err)
		_, err = part.Write(content)
		require.NoError(s, err)
	}
	require.NoError(s, to.Close())
	r := s.request(http.MethodPost, "/directory", &body)
	r.Header.Set("Content-Type", to.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(r)
}

// full is a person who asked for more space.
func (s *stage) full(reason string) *vault.Vault {
	s.Helper()
	v, err := s.data.Create(s.Context(), vault.CreateRequest{Password: "four words to keep", Notice: notice.In("en"), Consent: true})
	require.NoError(s, err)
	s.Cleanup(func() { v.Close() })
	_, err = v.AskForSpace(s.Context(), reason)
	require.NoError(s, err)
	return v
}

func TestARequestForSpaceIsDecidedAndThePersonReadsWhy(t *testing.T) {
	t.Parallel()
	s := open(t, false).enter()
	s.get("/increases").is(http.StatusOK, "No request waits.")
	granted, refused := s.full(`Many <script>alert("papers")</script>`), s.full("Films")
	login, err := granted.Login(t.Context())
	require.NoError(t, err)
	s.get("/").is(http.StatusOK, "2 wait for an answer")
	s.get("/increases").is(http.StatusOK, "Many &lt;script&gt;", "Films", "in use of 150\u00a0MB").without("<script", login)

	path := "/increases/" + granted.ID().String() + "-1"
	s.get(path).is(http.StatusOK, "Write nothing about them.").without(login)
	s.post(path, url.Values{"by": {"Dominique"}, "why": {"Yes"}}).is(http.StatusUnprocessableEntity, "Please choose an answer.", `value="Dominique"`)
	s.post(path, url.Values{"answer": {"grant"}, "by": {" "}, "why": {""}}).is(http.StatusUnprocessableEntity, "Please fill this in.")
	answer := url.Values{"answer": {"grant"}, "by": {"Dominique"}, "why": {"Many papers, indeed."}}
	s.post(path, answer).then().is(http.StatusOK, "The space is granted.", "Films").without("Many")
	s.post(path, url.Values{"answer": {"refuse"}, "by": {"Dominique"}, "why": {"No"}}).then().is(http.StatusOK, "it has its answer already")
	s.post("/increases/"+refused.ID().String()+"-1", url.Values{"answer": {"refuse"}, "by": {"Dominique"}, "why": {"Not for films."}}).then().is(http.StatusOK, "The request is refused.", "No request waits.")
	s.get(path).then().is(http.StatusOK, "it has its answer already")

	for v, want := range map[*vault.Vault][]string{granted: {"approved", "Many papers, indeed."}, refused: {"refused", "Not for films."}} {
		told, err := v.SpaceRequests(t.Context())
		require.NoError(t, err)
		require.Len(t, told, 1)
		require.Equal(t, want, []string{told[0].State.String(), told[0].Why})
		require.Equal(t, "Dominique", told[0].By)
	}
	space, err := granted.Space(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 300_000_000, space.Limit)
}

func TestTheFirstPageSaysHowTheServerIs(t *testing.T) {
	t.Parallel()
	backups := t.TempDir()
	s := open(t, false, "--backups", backups).enter()
	s.get("/").is(http.StatusOK, "There is no whole one in this folder.", "It is on this machine", "are left.", "Not yet since the start.", "0 wait for an answer")
	client, done, err := admin.Reach(t.Context(), s.config.Data, admin.OnlyRunning)
	require.NoError(t, err)
	require.NoError(t, client.Call("Operator.Backup", admin.BackupTo{Folder: backups}, &admin.BackedUp{}))
	require.NoError(t, client.Call("Operator.Sweep", admin.None{}, &admin.Swept{}))
	require.NoError(t, done())
	s.get("/").is(http.StatusOK, "0 hours ago.", "Done on").without("Look at this:")
	s.wait(72 * time.Hour)
	s.gate.mu.Lock()
	s.gate.last, s.gate.began = s.now(), s.now() // as if the link had been opened just now
	s.gate.mu.Unlock()
	s.get("/").is(http.StatusOK, "3 days ago.", "Look at this:")

	s.config.Admin.Pages.Backups = ""
	s.get("/").is(http.StatusOK, "It is not known where they are.").without("Look at this:")
	s.door.Close()
	s.get("/").is(http.StatusOK, "No server runs on this folder. Start it first.", "are left.").without("has been running")
	for code, says := range map[string]string{"en": "No server runs on this folder.", "fr": "Aucun serveur ne marche sur ce dossier.", "ar": "لا يعمل أي خادم على هذا المجلد."} {
		s.language = code
		s.get("/increases").is(http.StatusBadGateway, says).without("no server runs")
		s.get("/centres").is(http.StatusOK, says).without("no server runs")
	}
}

// lame is a part that does not answer.
type lame struct{ vault.Keeper }

func (lame) Encrypt(context.Context, []byte) ([]byte, error) { return nil, io.ErrUnexpectedEOF }

func TestAPartThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	s := open(t, false).enter()
	keeper := s.data.Keeper
	s.data.Keeper = lame{}
	s.get("/").is(http.StatusOK, "The key service<small><b>Look at this:</b> Does not answer.", "unexpected EOF")
	s.data.Keeper = keeper
	require.NoError(t, s.data.Records.Close())
	s.get("/").is(http.StatusOK, "The records<small><b>Look at this:</b> Does not answer.")
}

func TestEveryPageIsProtectedAndWholeInEveryLanguage(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	organisation, relay := s.town()
	v := s.full("Papers")
	paths := []string{
		"/", "/increases", "/increases/" + v.ID().String() + "-1", "/centres", "/centres/" + relay, "/centres/add", "/centres/" + relay + "/withdraw",
		"/centres/" + relay + "/licences/add", "/organisations/add", "/organisations/" + organisation.String() + "/withdraw", "/directory", "/language",
	}
	for _, code := range words.Offered() {
		s.language = code
		for _, path := range paths {
			s.whole(s.get(path).is(http.StatusOK), path)
		}
		s.whole(s.post("/organisations/add", url.Values{"name": {"Town"}}).is(http.StatusOK), "preview")
		s.whole(s.post("/centres/add", nil).is(http.StatusUnprocessableEntity), "refused")
		s.whole(s.get("/nothing").is(http.StatusNotFound), "nothing")
		cookie := s.cookie
		s.cookie = nil
		s.whole(s.get("/"), "closed")
		s.cookie = cookie
	}
	s.post("/language", url.Values{"language": {"ar"}}).is(http.StatusSeeOther)
	s.post("/language", url.Values{"language": {"xx"}}).is(http.StatusSeeOther)
	style := s.get("/static/style.css").is(http.StatusOK)
	require.Contains(t, style.header.Get("Content-Type"), "text/css")
}

// whole holds what is so on every page.
func (s *stage) whole(g got, path string) {
	s.Helper()
	require.NotRegexp(s, `\[[a-z-]+\.[a-z.-]+\]|%!|ZgotmplZ`, g.body, path)
	require.NotRegexp(s, `\sstyle=|<style|\son[a-z]+=|<script|https?://`, g.body, path)
	require.Contains(s, g.body, `<html lang="`+s.language+`"`)
	require.Contains(s, g.body, "<h1>", path)
	require.Less(s, len(g.body), 60_000)
	require.Equal(s, policy, g.header.Get("Content-Security-Policy"))
	require.NotContains(s, policy, "unsafe")
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		require.Equal(s, want, g.header.Get(name), path)
	}
}
