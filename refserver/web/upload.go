package web

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"reconnect.example/internal/photo"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// Papers are stored as they arrive, part by part: nothing is collected in
// memory, and no plaintext ever touches the server's disk. So the fields come
// before the files in the form, and a paper that was cut short is not stored.

const (
	largestField = 4 << 10 // bytes of a field beside the files
	mostFields   = 32
	headOfFile   = 3072 // bytes from which the kind of a file is told
)

func (p *pages) addPaperForm(v *visit) error {
	f := newForm()
	v.usual(f, vault.KindDocument)
	f.Set("folder", v.r.URL.Query().Get("folder"))
	return v.addPaperAgain(f, nil)
}

func (v *visit) addPaperAgain(f *form, err error) error {
	names, problem := folderNames(v)
	if problem != nil {
		return problem
	}
	data := v.adding(editing{Form: f, New: true, Extra: names}, "/papers/begin")
	if err != nil || f.wrong() {
		return v.again("paper-add", f, err, data)
	}
	return v.show("paper-add", data)
}

func (p *pages) addPaper(v *visit) error { return p.receive(&upload{visit: v}) }

// receive stores each file of the form as one paper, or leaves it. A second click on
// the button finds what the first one made.
func (p *pages) receive(u *upload) error {
	v := u.visit
	again, done := v.addPaperAgain, "added"
	if u.leaves {
		again, done = v.leavePaperAgain, "deposited"
	}
	v.r.Body = &buffered{bufio.NewReaderSize(v.r.Body, 64<<10), v.r.Body} // the parts are read in small pieces
	reader, err := v.r.MultipartReader()
	if err != nil {
		return problem.ErrRequest
	}
	u.parts, u.form = reader, formOf(url.Values{})
	first, err := u.next()
	if other := v.stillThere(u.form); other != nil {
		return other
	}
	if err == nil {
		if u.form.wrong() {
			drain(v.r)
			return again(u.form, nil)
		}
		var where string
		where, err = p.clicks.do(v.ctx(), v.token, u.form.ID, func() (string, error) { return u.store(first) })
		if err == nil {
			drain(v.r) // nothing, but for a second click
			switch {
			case u.leaves:
			case u.unlike:
				done = "added-unlike"
			case u.unshown:
				done = "added-unshown"
			}
			return v.goTo(where, done)
		}
	}
	u.form.ID = rand.Text()
	drain(v.r)
	if len(u.stored) > 0 && isUnusable(err) {
		u.form.Problem = u.someStored()
		err = nil
	}
	if sentence := v.photoSentence(err); sentence != "" {
		u.form.refuse("file", sentence)
		err = nil
	}
	return again(u.form, err)
}

// buffered is a body that is read in large pieces.
type buffered struct {
	io.Reader
	io.Closer
}

// upload is a form with files on its way in.
type upload struct {
	*visit
	leaves bool // what is sent is left for the person, and not added
	parts  *multipart.Reader
	form   *form
	folder vault.ItemID
	some   bool // a file has come
	stored []vault.Item
	empty  []string // names of files that hold nothing, or a broken photo
	unlike bool     // a file is not what its name says

	unshown bool // a file is of a kind that cannot be shown here
}

// errEmptyFile: a file without a byte in it is not stored.
var errEmptyFile = &vault.InvalidError{Field: "file", Problem: "is empty"}

// next returns the next file, after reading the fields before it. Without a
// file it is nil, and the form says so.
func (u *upload) next() (*multipart.Part, error) {
	for range mostFields {
		part, err := u.parts.NextPart()
		if errors.Is(err, io.EOF) {
			u.form = u.filled()
			if !u.some {
				u.form.refuse("file", u.t("wrong.file"))
				u.form.Missing = true
			}
			return nil, nil
		}
		if err != nil {
			return nil, cut(err)
		}
		switch name := part.FormName(); {
		case name == "photo" || name == "file":
			if part.FileName() != "" { // an input that was left empty has none
				u.form, u.some = u.filled(), true
				return part, nil
			}
		default:
			value, err := io.ReadAll(io.LimitReader(part, largestField+1))
			if err != nil {
				return nil, cut(err)
			}
			if len(value) > largestField {
				return nil, problem.ErrTooLarge
			}
			u.form.Values.Set(name, string(value))
		}
	}
	return nil, problem.ErrRequest
}

// filled reads the fields that have come.
func (u *upload) filled() *form {
	f := formOf(u.form.Values)
	checkDates(u.visit, f)
	return f
}

// store stores this file and those after it, and returns where they are.
func (u *upload) store(part *multipart.Part) (string, error) {
	in := vault.Default // the person's rules say where it will lie
	if !u.leaves {
		in = u.placeOf(u.form).Compartment
		var err error
		if u.folder, err = u.folderIn(u.form.Get("folder"), in); err != nil {
			return "", err
		}
	}
	if u.form.Get("pages") == "one" {
		item, err := u.storePages(part, in)
		if err != nil {
			return "", err
		}
		u.stored, part = append(u.stored, item), nil
	}
	var unusable error
	for part != nil {
		item, err := u.storeOne(part, in)
		switch {
		case isUnusable(err): // those after it are stored all the same
			unusable = err
			u.empty = append(u.empty, safename.Line(part.FileName()))
		case err != nil:
			return "", u.after(err)
		default:
			u.stored = append(u.stored, item)
		}
		if part, err = u.next(); err != nil {
			return "", u.after(err)
		}
	}
	if !u.leaves {
		u.makeSmalls(u.stored)
	}
	if unusable != nil {
		return "", u.after(unusable)
	}
	if u.leaves {
		return "/", nil
	}
	if len(u.stored) > 1 {
		if !u.folder.IsZero() {
			return "/folders/" + u.folder.String(), nil
		}
		return "/papers", nil
	}
	return itemPath(u.stored[0]), nil
}

// isUnusable says that a file holds nothing that could be stored.
func isUnusable(err error) bool {
	return errors.Is(err, errEmptyFile) || errors.Is(err, photo.ErrBroken)
}

// someStored says which files are stored and which could not be.
func (u *upload) someStored() string {
	var names []string
	for _, i := range u.stored {
		names = append(names, neutral(i).Name)
	}
	return u.t("upload.some", len(names), len(names)+len(u.empty), strings.Join(names, ", "), strings.Join(u.empty, ", "))
}

// after is the error of a file behind others that are stored already.
func (u *upload) after(err error) error {
	if len(u.stored) > 0 {
		return &partlyStored{stored: len(u.stored), err: err}
	}
	return err
}

func (u *upload) storeOne(part *multipart.Part, in vault.Compartment) (vault.Item, error) {
	source := &body{r: part}
	first, err := source.head(headOfFile)
	if err != nil {
		return vault.Item{}, err
	}
	if len(first) == 0 {
		return vault.Item{}, errEmptyFile
	}
	content, err := u.clean(source)
	if err != nil {
		return vault.Item{}, err
	}
	kind := kindOf(first, part.Header.Get("Content-Type"))
	_, readable := showable(kind)
	u.unlike, u.unshown = u.unlike || unlikeItsName(part.FileName(), kind), u.unshown || !readable
	item, err := u.add(u.title(part), kind, in, content)
	if source.failed != nil { // what the network said comes before what the library made of it
		return vault.Item{}, source.failed
	}
	return item, err
}

// add stores one paper, or leaves it.
func (u *upload) add(title, kind string, in vault.Compartment, content io.Reader) (vault.Item, error) {
	doc := vault.NewDocument{
		Name: title, Compartment: in, Folder: u.folder, MediaType: kind,
		Issued: u.typedDate(u.form, "issued"), Expires: u.typedDate(u.form, "expires"), Channel: channel,
	}
	if u.leaves {
		left, err := u.vault.LeaveDocument(u.ctx(), doc, content)
		return vault.Item{Kind: vault.KindDocument, Name: doc.Name, ID: left.Item}, err
	}
	return u.vault.AddDocument(u.ctx(), doc, content)
}

// title names the paper of a file.
func (u *upload) title(part *multipart.Part) string {
	name := part.FileName()
	if part.FormName() == "photo" {
		name = ""
	}
	return u.titleOf(u.form.Get("title"), name, len(u.stored))
}

// titleOf is what the person typed or, if nothing, the name of the file. What a camera
// calls its photos says nothing: those get the day. Others of one form were before.
func (v *visit) titleOf(title, file string, before int) string {
	if title == "" {
		base := path.Base(strings.ReplaceAll(file, `\`, "/"))
		title = safename.Line(strings.TrimSuffix(base, path.Ext(base)))
		if namedByCamera.MatchString(title) {
			title = v.ofDay()
		}
	}
	if runes := []rune(title); len(runes) > vault.MaxName-5 {
		title = string(runes[:vault.MaxName-5])
	}
	if before > 0 {
		title = fmt.Sprintf("%s %d", title, before+1)
	}
	return title
}

// body is the bytes of one file as they arrive, and the first fault of the
// network.
type body struct {
	r      io.Reader
	failed error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = cut(err)
		return n, b.failed
	}
	return n, err
}

// head returns the first bytes, and leaves them to be read.
func (b *body) head(n int) ([]byte, error) {
	first := make([]byte, n)
	n, err := io.ReadFull(b.r, first)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, cut(err)
	}
	b.r = io.MultiReader(bytes.NewReader(first[:n]), b.r)
	return first[:n], nil
}

// cut is what a connection that ended too early is told as.
func cut(err error) error {
	return fmt.Errorf("%w: %w", problem.ErrTruncated, err)
}

// kindOf tells the media type from the bytes. What the browser claims counts
// only where the bytes leave it open (A8).
func kindOf(first []byte, claimed string) string {
	found, mayShow := safename.Sniff(first, claimed)
	if mayShow {
		return found
	}
	guess, _, err := mime.ParseMediaType(mimetype.Detect(first).String())
	if err != nil || guess == "" {
		return found
	}
	if pictures := []string{"image/jpeg", "image/png", "image/webp", "image/gif", "application/pdf"}; slices.Contains(pictures, guess) {
		return found // the two disagree: the browsers' own rule wins
	}
	return guess
}

// unlikeItsName reports whether the name of a file says that it is a photo or a PDF, and
// its bytes do not: a page of HTML named "paper.pdf" is kept and never shown (A8), and who
// sent it is told, for it may be all they were given.
func unlikeItsName(name, kind string) bool {
	_, readable := showable(kind)
	return !readable && slices.Contains([]string{".pdf", ".jpg", ".jpeg", ".png", ".gif", ".webp"}, strings.ToLower(path.Ext(name)))
}

// drainTop is how much of a refused upload is read.
const drainTop = 32 << 20

// drain reads what is left of a body whose upload was refused. A browser that
// still sends shows a broken connection instead of an answer.
func drain(r *http.Request) {
	if r.Body != nil {
		_, _ = io.CopyN(io.Discard, r.Body, drainTop)
	}
}
