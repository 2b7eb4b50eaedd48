package printing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"reconnect.example/refserver/bulkhead"
)

// What a child writes, a byte each: that it goes on to the next paper, behind the last to
// the whole, then how it ended. So also of a child that dies it is known at which paper.
const (
	saysNext   = 'n'
	saysMade   = 'm' // the PDF follows
	saysKind   = 'k'
	saysLarge  = 'l'
	saysLocked = 'p'
	saysBroken = 'b'
)

// processor is the time on a processor that a child may take.
const processor = 30 * time.Second

// lengthBytes come before each paper: its length, big-endian.
const lengthBytes = 8

// Child is the main function of a child: it gives up what it does not need, reads the
// papers from in, writes its answer to out, and returns the exit code.
func Child(in io.Reader, out io.Writer) int {
	if bulkhead.Enter(processor) != nil { // then nobody's paper is looked at
		return 1
	}
	api.DisableConfigDir() // or it would look for its settings in a home folder
	made, err := join(in, func() error {
		_, err := out.Write([]byte{saysNext})
		return err
	})
	answer := []byte{saysBroken}
	switch {
	case err == nil:
		answer = append([]byte{saysMade}, made...)
	case errors.Is(err, errKind):
		answer[0] = saysKind
	case errors.Is(err, errLarge):
		answer[0] = saysLarge
	case errors.Is(err, errLocked):
		answer[0] = saysLocked
	}
	if _, err := out.Write(answer); err != nil {
		return 1
	}
	return 0
}

// join makes one PDF of the papers that come in.
func join(in io.Reader, next func() error) ([]byte, error) {
	job, err := newJob()
	if err != nil {
		return nil, err
	}
	for {
		paper, err := readPaper(in)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = next()
		}
		if err == nil {
			err = job.add(paper)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := next(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := api.WriteContext(job.into, &out); err != nil {
		return nil, errBroken
	}
	return out.Bytes(), nil
}

// readPaper reads the next paper. io.EOF: there is none.
func readPaper(in io.Reader) ([]byte, error) {
	var length [lengthBytes]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(length[:])
	if n > MaxBytes {
		return nil, errLarge
	}
	paper := make([]byte, n)
	_, err := io.ReadFull(in, paper)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // there is no paper of which nothing is there
	}
	return paper, err
}

// job is the PDF that grows.
type job struct {
	into  *model.Context
	pages int
}
