package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkeys"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

// helped is a server with a relay and a desk of another organisation, and somebody whom
// the relay follows and the desk may help.
type helped struct {
	*town
	recovery *recoverytest.Stage
}

func newHelped(t *testing.T, o *recoverytest.Options) *helped {
	t.Helper()
	testkeys.UseCheapKDF()
	stage := recoverytest.New(t, o)
	h := &helped{town: &town{centre: &centre{t: t}, stage: stage.Stage, harbor: stage.Harbour, samir: stage.Samir}, recovery: stage}
	pages, err := web.New(web.Config{
		Vaults: stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Recovery: stage.Recovery, Now: stage.Clock.Now, Address: "https://espace.example.org/",
		Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000}),
	})
	require.NoError(t, err)
	h.server = httptest.NewTLSServer(pages)
	t.Cleanup(h.server.Close)
	return h
}

// known is the person on the stage, signed in.
func (h *helped) known() *person {
	h.t.Helper()
	p := h.stranger()
	p.login, p.secret = h.recovery.Amina.Login, h.recovery.Amina.Password
	p.signIn(p.secret).ok("Mon espace", "Mes clés")
	p.get("/keys").ok("Mes moyens de revenir")
	return p
}

// chosenAnew is what the person chooses when they are back.
const chosenAnew = "veko lanu timo fasa"

// makes fills in a page on which a way back in is made.
func (p *person) makes(path string, set url.Values) *page {
	p.t.Helper()
	values := url.Values{"agreed": {"1"}, "password": {p.secret}}
	maps.Copy(values, set)
	return p.post(path, p.get(path).ok("À lire avant").form(path, values))
}

// largeWords are the large words of a page.
func (g *page) largeWords() (all []string) {
	for _, found := range regexp.MustCompile(`<p class="words"[^>]*>([^<]*)</p>`).FindAllStringSubmatch(g.Body, -1) {
		all = append(all, found[1])
	}
	return all
}

// sheet makes a recovery sheet and returns its code.
func (p *person) sheet(set url.Values) string {
	p.t.Helper()
	g := p.makes("/ways/sheet", set).ok("Feuille de secours", "Elle n’est montrée qu’une fois")
	words := g.largeWords()
	require.Len(p.t, words, 4)
	p.post("/ways/printed", formOf(g, "/ways/printed")).ok("votre feuille est prête").without(words[1])
	return words[1]
}

// formOf returns all hidden fields of a form, also those of one name.
func formOf(g *page, action string) url.Values {
	values := url.Values{}
	for _, chunk := range strings.Split(g.Body, "<form ")[1:] {
		head, _, _ := strings.Cut(chunk, ">")
		body, _, _ := strings.Cut(chunk, "</form>")
		if strings.Contains(head, `action="`+action+`"`) {
			for _, field := range hidden.FindAllStringSubmatch(body, -1) {
				values.Add(field[1], strings.ReplaceAll(field[2], "&#39;", "'"))
			}
		}
	}
	return values
}

// answers are those of the person to the first three suggested questions.
var answers = []string{"Biscotte la tortue", "Petit ouragan", "Youssouf Diabaté"}

// asks chooses three questions and answers them.
func (p *person) asks(answers []string, set url.Values) *page {
	p.t.Helper()
	g := p.get("/ways/questions").ok("Choisir mes questions")
	offered := regexp.MustCompile(`name="question" value="([^"]*)"`).FindAllStringSubmatch(g.Body, -1)
	require.Greater(p.t, len(offered), 2)
	p.post("/ways/questions", url.Values{"question": {offered[0][1]}}).is(http.StatusUnprocessableEntity, "Il faut de 3 à 5 questions")
	g = p.post("/ways/questions", url.Values{"question": {offered[0][1], offered[1][1]}, "own": {"", "Comment s’appelait mon ami ?"}}).ok("Répondre à mes questions", "Comment s’appelait mon ami ?")
	values := formOf(g, "/ways/questions/answers")
	maps.Copy(values, url.Values{"answer": answers, "agreed": {"1"}, "password": {p.secret}})
	maps.Copy(values, set)
	return p.post("/ways/questions/answers", values)
}

func (h *helped) helpPath(at *consenttest.Relay) string {
	return "/staff/relays/" + at.ID.String() + "/people/" + h.recovery.Amina.Vault.ID().String() + "/help"
}

// request opens a request at a relay or a desk, and returns what is on the slip.
func (h *helped) request(w *person, at *consenttest.Relay, way string, set url.Values) (number, code string) {
	h.t.Helper()
	path := h.helpPath(at)
	g := w.get(path).ok("Aider à revenir", way)
	chosen := regexp.MustCompile(`name="way" value="([a-z2-7]+)"[^>]*><span><b>` + regexp.QuoteMeta(way)).FindStringSubmatch(g.Body)
	require.NotNil(h.t, chosen, g.text())
	w.post(path, g.form(path, url.Values{"way": {chosen[1]}})).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	values := g.form(path, url.Values{"way": {chosen[1]}, "recognised": {"vient depuis un an"}})
	maps.Copy(values, set)
	g = w.post(path, values).ok("Pour cette personne seule", "ne gardez ni copie ni photo", "Jamais")
	require.Contains(h.t, g.Body, `data-last="Le numéro et le code ne seront plus montrés.`, "what a script asks before the page is left")
	words := g.largeWords()
	require.Len(h.t, words, 2)
	again := w.post(path, values).ok("ne sont montrés qu’une fois").without(words[0], words[1])
	require.Contains(h.t, again.Path, path+"/")
	return words[0], words[1]
}

// enters opens the hand-over with number and code.
func (p *person) enters(number, code, desk string) *page {
	p.t.Helper()
	g := p.get("/back").ok("Revenir dans mon espace")
	return p.post("/back", g.form("/back", url.Values{"number": {number}, "handcode": {code}, "deskcode": {desk}}))
}

// comes sends the page of the person's part and the new password.
func (p *person) comes(set url.Values) *page {
	p.t.Helper()
	values := p.get("/back/new").ok("Cette page n’est que pour vous").form("/back/new", url.Values{"new": {chosenAnew}, "repeat": {chosenAnew}})
	maps.Copy(values, set)
	return p.post("/back/new", values)
}

// Story 4 and the pages around it: the sheet is made, a worker opens a request and hands
// the device over, the person comes back alone.
func TestASheetAndACentreBringSomebodyBack(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.get("/ways").ok("Ma feuille de secours", "Vous ne l’avez pas.", "Rien ne peut être fait : tout est perdu.")
	amina.makes("/ways/sheet", url.Values{"agreed": nil}).is(http.StatusUnprocessableEntity, "Cochez la case")
	amina.makes("/ways/sheet", url.Values{"password": {"wrong words here"}}).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe").without("identifiant ou le mot de passe") // no login is asked for there
	first := amina.sheet(url.Values{"private": {"1"}})
	amina.get("/ways").ok("Avec un centre", "Harbour", "Par téléphone", "Line", "Tout, privé compris", "Tout de suite", "Je prends ma feuille de secours").without(first, "pas encore dit que la feuille")
	sheet := amina.sheet(url.Values{"private": {"1"}})
	note := amina.post("/notes/add", amina.get("/notes/add").form("", url.Values{"title": {"À moi"}, "text": {"privé"}, "visibility": {"private"}})).ok("Privé").Path

	samir := h.desk(h.samir)
	opening := samir.get(h.relayPath()).link(h.relayPath() + "/people/[a-z2-7]+")
	require.Equal(t, h.helpPath(h.harbor), samir.get(opening).link(opening+"/help"))
	number, code := h.request(samir, h.harbor, "Feuille de secours, avec un centre", nil)
	samir.get(h.helpPath(h.harbor)).ok("En cours").without(number, code)

	// What the person types, nobody may act beside.
	samir.get("/back").ok("Quelqu’un du centre est connecté sur cet appareil.")
	samir.post("/back", url.Values{"number": {number}, "handcode": {code}}).is(http.StatusConflict)
	samir.post("/staff/lock", nil).ok("La session du centre est verrouillée", "Revenir dans mon espace")
	require.Equal(t, "/staff/sign-in", samir.get("/staff").Path)

	phone := samir // the same device
	phone.enters(code, number, "").is(http.StatusForbidden, "Vous les avez peut-être échangés")
	again := phone.enters(number, "1234 5678", "").is(http.StatusForbidden, "Le numéro ou le code n’est pas le bon.")
	require.Contains(t, again.Body, `value="`+number+`"`, "the number need not be typed again")
	require.NotContains(t, again.Body, "1234 5678", "and no code goes back into a page")
	phone.enters(number, code, "").ok("Presque arrivé", "Ce qui est privé revient aussi.")
	phone.comes(url.Values{"sheet": {sheet}, "repeat": {"something else"}}).is(http.StatusUnprocessableEntity, "Les deux mots de passe").without(sheet, chosenAnew)
	phone.comes(url.Values{"sheet": {"1111 2222 3333 4444 5555 6666"}}).is(http.StatusUnprocessableEntity, "Ce code a une erreur.", "chaque mot", "tout est à retaper")
	phone.comes(url.Values{"sheet": {first}}).is(http.StatusForbidden, "Ce n’est pas le code de votre feuille.").without("réponses")
	g := phone.get("/back/new").ok()
	values := g.form("/back/new", url.Values{"sheet": {sheet}, "new": {chosenAnew}, "repeat": {chosenAnew}})
	phone.post("/back/new", values).ok("Vous êtes de retour", h.recovery.Amina.Login, "Faire une nouvelle carte", "Faire une feuille")
	phone.get(note).ok("À moi")
	phone.get("/").ok("Vous êtes revenu avec de l’aide", "Samir, Harbour")
	phone.get("/ways").ok("Vous ne l’avez pas.")
	phone.get("/journal").ok("Samir, Harbour", "A ouvert une demande pour vous aider à revenir", "Pour vous aider à revenir", "Reconnu : vient depuis un an", "Retour sans mot de passe, avec de l’aide")

	old := h.stranger()
	old.login = h.recovery.Amina.Login
	old.signIn(amina.secret).is(http.StatusUnauthorized)
	require.Equal(t, "/sign-in", amina.get("/").Path, "every session of before is over")
	old.enters(number, code, "").is(http.StatusForbidden, "Le numéro ou le code n’est pas le bon.")

	// The worker takes the device back, and the person is signed out on it.
	samir.get("/staff/unlock").ok("Reprendre ma session")
	samir.post("/staff/unlock", url.Values{"password": {"wrong words here"}}).is(http.StatusUnauthorized)
	samir.post("/staff/unlock", url.Values{"password": {samir.secret}}).ok("Votre session est de nouveau ouverte", "Mes centres")
	samir.get(note).ok("Aucun espace n’est ouvert.").without("À moi")
	samir.get(h.helpPath(h.harbor)).ok("n’a préparé aucun moyen")
}

// A sheet, by call: the desk finds the person by the login that they read.
func TestADeskHelpsByPhone(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	sheet := amina.sheet(url.Values{"private": {"1"}})
	amina.get("/sharing/relays").ok("Harbour").without(">Line<") // it follows nobody
	amina.get("/sharing/relays/" + h.recovery.Line.ID.String()).is(http.StatusNotFound)
	lina := h.desk(h.recovery.Lina)
	at := "/staff/relays/" + h.recovery.Line.ID.String()
	lina.get(at).ok("Line", "Quelqu’un appelle", "Aucune demande n’attend.").without("Amina")
	lina.post(at+"/find", url.Values{"login": {"0000 0000 0000"}}).is(http.StatusUnprocessableEntity, "Aucun espace ne peut être aidé ici")
	lina.post(at+"/find", url.Values{"login": {amina.login}}).ok("Aider à revenir", "Feuille de secours, par téléphone").without("Amina")
	number, code := h.request(lina, h.recovery.Line, "Feuille de secours, par téléphone", nil) // which says nothing of handing over a paper
	require.Equal(t, "/staff", lina.get("/papers").Path)

	phone := h.stranger()
	phone.enters(number, code, "").ok("Presque arrivé")
	phone.comes(url.Values{"sheet": {sheet}}).ok("Vous êtes de retour")
	stop := lina.post(at+"/find", url.Values{"login": {amina.login}}).ok().link("/staff/[^\"]+/stop-sessions")
	lina.post(stop, url.Values{"why": {"téléphone volé"}}).ok("Aider à revenir")
	require.Equal(t, "/sign-in", phone.get("/").Path, "a desk ends the sessions of a lost phone")
	boss := h.desk(h.recovery.Line.Manager)
	boss.get(at).ok("Nombres par mois", "ouvertes <10")
	boss.get(at+"/team").ok("Répond au téléphone").without("Aide les personnes", "Ouvre ce que les personnes partagent") // a desk opens nothing
}

// Questions bring back what is shared. Private stays locked until the old password is
// found again.
func TestQuestionsBringBackWhatIsSharedAndTheOldPasswordTheRest(t *testing.T) {
	t.Parallel()
	h := newHelped(t, &recoverytest.Options{OwnWitness: true})
	amina := h.known()
	note := amina.post("/notes/add", amina.get("/notes/add").form("", url.Values{"title": {"À moi"}, "text": {"privé"}, "visibility": {"private"}})).ok("Privé").Path
	amina.asks([]string{"chat", "oui", "non"}, nil).is(http.StatusUnprocessableEntity, "se devinent trop facilement", "Trop facile").without(`value="chat"`)
	amina.asks([]string{answers[0], "", answers[2]}, nil).is(http.StatusUnprocessableEntity, "Il faut répondre à toutes les questions.").without(answers[0])
	amina.asks(answers, nil).ok("C’est prêt", "il n’a que vingt essais").without(answers[0])
	amina.get("/ways").ok("Ce qui est partagé. Le privé reste fermé.", "Comment s’appelait mon ami ?", "Je demande de l’aide et je réponds à mes questions.").without(answers[0])
	amina.get("/ways/pictures").ok("Par téléphone, ce n’est pas possible ici", "tenu par ceux qui tiennent ce site", "escargot")

	samir := h.desk(h.samir)
	number, code := h.request(samir, h.harbor, "Questions, avec un centre", nil)
	phone := h.stranger()
	phone.enters(number, code, "").ok("Comment s’appelait mon ami ?", "Le privé reste fermé")
	phone.comes(url.Values{"answer": {"x", "y"}}).is(http.StatusUnprocessableEntity, "Il faut répondre à toutes les questions.")
	phone.comes(url.Values{"answer": {"le chien", "personne", "aucun"}}).is(http.StatusForbidden, "Une de ces réponses au moins n’est pas la bonne.").without("feuille", "personne aucun")
	phone.comes(url.Values{"answer": {"BISCOTTE, la tortue", "petit ouragan", "youssouf diabate"}}).ok("Vous êtes de retour", "qui étaient privées sont fermées.")
	phone.get(note).is(http.StatusNotFound)
	phone.get("/").ok("qui étaient privées sont fermées.", "Votre ancien mot de passe ou votre ancienne carte l’ouvre.")
	phone.post("/locked", url.Values{"former": {"wrong words here"}, "today": {chosenAnew}}).is(http.StatusUnauthorized, "n’est pas le bon")
	phone.post("/locked", url.Values{"former": {amina.secret}, "today": {chosenAnew}}).ok("Tout est revenu.").without("sont fermées")
	phone.get(note).ok("À moi")
}

func TestPicturesBringSomebodyBack(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	chosen := []string{"cat", "moon", "boat", "key", "owl"}
	amina.makes("/ways/pictures", url.Values{"picture": {"cat", "moon"}}).is(http.StatusUnprocessableEntity, "Choisissez au moins cinq images.")
	amina.makes("/ways/pictures", url.Values{"picture": append(chosen, ""), "private": {"1"}, "bycall": {"1"}}).ok("C’est prêt", "plus d’un milliard")
	amina.get("/ways").ok("Après 24 heures", "Tout, privé compris")
	number, code := h.request(h.desk(h.samir), h.harbor, "Questions, avec un centre", nil)
	phone := h.stranger()
	phone.enters(number, code, "").ok("Image 5").without("Image 6")
	phone.comes(url.Values{"picture": {"cat", "moon", "boat", "key", ""}}).is(http.StatusUnprocessableEntity, "Il faut choisir toutes les images.")
	phone.comes(url.Values{"picture": {"moon", "cat", "boat", "key", "owl"}}).is(http.StatusForbidden, "ou pas dans cet ordre").without("Cette feuille", "réponses")
	phone.comes(url.Values{"picture": chosen}).ok("Vous êtes de retour")
}

// silent is a witness that does not answer what is asked about requests, while it is away.
type silent struct {
	recovery.Witness
	away atomic.Bool
}

func (s *silent) Requests(ctx context.Context, id [16]byte) ([]recovery.WitnessRequest, error) {
	if s.away.Load() {
		return nil, vault.ErrWitnessAway
	}
	return s.Witness.Requests(ctx, id)
}

// Story 6: two people of each side, the wait, a cancel by the person; then without.
func TestWithNothingItTakesFourPeopleAndAWait(t *testing.T) {
	t.Parallel()
	witness := &silent{}
	h := newHelped(t, &recoverytest.Options{Witness: func(w recovery.Witness) recovery.Witness {
		witness.Witness = w
		return witness
	}})
	amina := h.known()
	amina.post("/notes/add", amina.get("/notes/add").form("", url.Values{"title": {"À moi"}, "text": {"privé"}, "visibility": {"private"}})).ok("Privé")
	amina.makes("/ways/helpers", nil).is(http.StatusUnprocessableEntity, "Cochez la case")
	amina.makes("/ways/helpers", url.Values{"understood": {"1"}, "private": {"1"}}).ok("C’est prêt", "Vous pouvez le retirer à tout moment.")
	amina.get("/ways").ok("Après 7 jours", "le privé après 30 jours")

	begun := func() (number, code, desk string) {
		samir, rosa, lina, omar := h.desk(h.samir), h.desk(h.recovery.Rosa), h.desk(h.recovery.Lina), h.desk(h.recovery.Omar)
		number, code = h.request(samir, h.harbor, "Sans rien", url.Values{"ask": {h.recovery.Line.ID.String()}})
		at := "/staff/relays/" + h.recovery.Line.ID.String()
		request := lina.get(at).ok("Sans nom", "Sans rien").link(regexp.QuoteMeta(h.helpPath(h.recovery.Line)) + "/[a-z2-7]+")
		lina.get(request).ok("Donner notre part").without("Faire un autre code")
		lina.post(request+"/agree", url.Values{"recognised": {"la voix"}}).ok("Votre accord est noté.", "la part de l’accueil par téléphone")
		g := lina.post(request+"/give", nil).ok("À dire à la personne seule")
		desk = g.largeWords()[0]
		lina.get(request).ok("le premier ne vaudra plus rien", "Faire un autre code").without(desk, "Donner notre part")
		samir.post(strings.Replace(request, h.recovery.Line.ID.String(), h.harbor.ID.String(), 1)+"/agree", url.Values{"recognised": {"encore moi"}}).is(http.StatusConflict, "une autre personne")
		omar.post(request+"/agree", nil).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
		omar.post(request+"/agree", url.Values{"recognised": {"la voix"}}).ok("Votre accord est noté.", "l’accord d’une autre personne d’un centre")
		rosa.get(h.relayPath() + "/requests").ok("Demandes de retour")
		rosa.post(strings.Replace(request, h.recovery.Line.ID.String(), h.harbor.ID.String(), 1)+"/agree", url.Values{"recognised": {"vient manger ici"}}).ok("Votre accord est noté.")
		return number, code, desk
	}
	number, code, desk := begun()
	phone := h.stranger()
	require.Equal(h.t, "/back/wait", phone.enters(number, code, desk).ok("Il faut encore attendre", "Encore 7 jours").Path)
	amina.get("/").ok("Quelqu’un a demandé à entrer dans votre espace", "Samir, Harbour", "Sinon, touchez", "personne ne pourra entrer avec elle")
	amina.post(amina.get("/").link("/ways/requests/[a-z2-7]+/cancel"), nil).ok("La demande est arrêtée.")
	h.stage.Clock.Advance(8 * 24 * time.Hour)
	require.Equal(t, "/back", phone.get("/back/wait").ok("la demande est finie").Path)
	require.Contains(t, []int{http.StatusForbidden, http.StatusGone}, phone.enters(number, code, desk).Status)

	number, code, desk = begun()
	h.stage.Clock.Advance(8 * 24 * time.Hour)
	phone.enters(number, code, "").is(http.StatusUnprocessableEntity, "Il faut aussi le second code")
	phone.enters(number, code, desk).ok("le privé plus tard")
	phone.comes(nil).ok("Vous êtes de retour", "qui étaient privées sont fermées.", "Elles reviennent aussi sans l’ancien secret")
	witness.away.Store(true)
	for _, path := range []string{"/", "/locked", "/back/done"} {
		phone.get(path).ok("sont fermées").without("sans l’ancien secret")
	}
	witness.away.Store(false)
	h.stage.Clock.Advance(24 * 24 * time.Hour)
	back := h.stranger()
	back.login = amina.login
	back.signIn(chosenAnew).ok("Cela peut aussi revenir maintenant")
	back.get("/locked").ok("Le temps d’attente est passé")
	back.post("/locked/pending", url.Values{"password": {chosenAnew}}).ok("Tout est revenu.")
}

// Whoever can enter stops a request by entering, and reads of it.
func TestEnteringStopsARequestAndTellsOfIt(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.asks(answers, url.Values{"bycall": {"1"}}).ok("C’est prêt")
	lina := h.desk(h.recovery.Lina)
	number, code := h.request(lina, h.recovery.Line, "Questions, par téléphone", nil)
	h.stranger().enters(number, code, "").ok("Encore 24 heures")
	amina.signIn(amina.secret)
	amina.get("/").ok("Quelqu’un a demandé à entrer dans votre espace", "La demande est arrêtée", "Lina, Line")
	h.stage.Clock.Advance(25 * time.Hour)
	h.stranger().enters(number, code, "").is(http.StatusGone, "Cette demande est terminée.")

}

// A request with nothing of hers lasts for weeks: she is told what came of it also when that
// was at its end.
func TestWhatCameOfALongRequestIsTold(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.makes("/ways/helpers", url.Values{"understood": {"1"}}).ok("C’est prêt")
	h.request(h.desk(h.samir), h.harbor, "Sans rien", url.Values{"ask": {h.recovery.Line.ID.String()}})
	h.stage.Clock.Advance(20 * 24 * time.Hour) // of 7 and 14
	amina.signIn(amina.secret)
	amina.get("/").ok("Quelqu’un a demandé à entrer dans votre espace", "La demande est arrêtée", "Samir, Harbour")

	h.request(h.desk(h.samir), h.harbor, "Sans rien", url.Values{"ask": {h.recovery.Line.ID.String()}})
	h.stage.Clock.Advance(20 * 24 * time.Hour)
	samir := h.desk(h.samir)
	request := samir.get(h.helpPath(h.harbor)).link(regexp.QuoteMeta(h.helpPath(h.harbor)) + "/[a-z2-7]+")
	samir.post(request+"/cancel", url.Values{"stopwhy": {"ce n’était pas elle"}}).ok()
	for range 2 {
		amina.signIn(amina.secret)
		amina.get("/").ok("La demande est arrêtée")
		h.stage.Clock.Advance(13 * 24 * time.Hour)
	}
	amina.signIn(amina.secret)
	amina.get("/").without("La demande est arrêtée")
}

func TestAWayThatIsTakenAwayOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	sheet := amina.sheet(nil)
	number, code := h.request(h.desk(h.samir), h.harbor, "Feuille de secours, avec un centre", nil)
	amina.post("/ways/withdraw/sheet", url.Values{"password": {"wrong words here"}}).is(http.StatusUnauthorized)
	amina.get("/ways/withdraw/nothing").is(http.StatusNotFound)
	amina.post("/ways/withdraw/sheet", url.Values{"password": {amina.secret}}).ok("C’est retiré")
	amina.post("/ways/withdraw/sheet", url.Values{"password": {amina.secret}}).ok("C’est retiré")
	phone := h.stranger()
	if g := phone.enters(number, code, ""); g.Status == http.StatusOK {
		phone.comes(url.Values{"sheet": {sheet}}).is(http.StatusGone)
	}
	amina.get("/ways").ok("Vous ne l’avez pas.")
}

func TestEveryPageOfWaysBackSpeaksEachLanguage(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina, samir, lina := h.known(), h.desk(h.samir), h.desk(h.recovery.Lina)
	amina.sheet(nil)
	amina.asks(answers, url.Values{"bycall": {"1"}}).ok()
	number, code := h.request(samir, h.harbor, "Feuille de secours, avec un centre", nil)
	phone := h.stranger()
	phone.enters(number, code, "").ok()
	request := samir.get(h.helpPath(h.harbor)).link(regexp.QuoteMeta(h.helpPath(h.harbor)) + "/[a-z2-7]+")
	missing := regexp.MustCompile(`\[[a-z]+[.-][a-z.-]+\]|%!|\(MISSING\)`)
	for _, who := range []struct {
		*person
		paths []string
	}{
		{amina, []string{"/", "/ways", "/ways/sheet", "/ways/questions", "/ways/pictures", "/ways/helpers", "/ways/withdraw/sheet", "/ways/receipts", "/locked", "/back/done", "/journal", "/sharing"}},
		{samir, []string{h.relayPath(), h.relayPath() + "/requests", h.helpPath(h.harbor), request}},
		{lina, []string{"/staff/relays/" + h.recovery.Line.ID.String(), h.helpPath(h.recovery.Line)}},
		{phone, []string{"/back", "/back/new", "/sign-in"}},
	} {
		for _, language := range []string{"fr", "en", "ar"} {
			who.post("/language", url.Values{"language": {language}, "here": {"/news"}}).ok()
			for _, path := range who.paths {
				g := who.get(path).ok()
				require.Equal(t, path, g.Path)
				require.Contains(t, g.Body, `<html lang="`+language+`"`)
				require.NotRegexp(t, missing, g.text(), path)
			}
		}
	}
}

func TestWithoutRecoveryNothingSpeaksOfIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	amina.get("/").ok().without("/ways")
	for _, path := range []string{"/ways", "/ways/sheet", "/back", "/locked", "/staff/unlock"} {
		amina.get(path).is(http.StatusNotFound)
	}
	tn.stranger().get("/sign-in").ok().without("/back")
}
