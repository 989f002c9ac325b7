package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// directive is one of nginx's configuration: name, arguments, and what stands
// in its braces.
type directive struct {
	file  string
	line  int
	name  string
	args  []string
	block []directive
}

func (d directive) at() string { return fmt.Sprintf("%s:%d", d.file, d.line) }

// find returns the directives of a name directly in the block.
func (d directive) find(name string) []directive {
	var out []directive
	for _, b := range d.block {
		if b.name == name {
			out = append(out, b)
		}
	}
	return out
}

// readNginx parses a file and what it includes, as far as that can be read:
// relative names are looked for beside the file and in /etc/nginx.
func readNginx(file string) ([]directive, error) {
	return readNginxDepth(file, 0)
}

func readNginxDepth(file string, depth int) ([]directive, error) {
	if depth > 8 {
		return nil, fmt.Errorf("%s: includes are nested too deeply", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &nginxParser{file: file, text: string(data), line: 1}
	list, err := p.block(false)
	if err != nil {
		return nil, err
	}
	return expandIncludes(list, file, depth)
}

func expandIncludes(list []directive, file string, depth int) ([]directive, error) {
	var out []directive
	for _, d := range list {
		if d.name == "include" && len(d.args) == 1 {
			for _, f := range includedFiles(d.args[0], file) {
				more, err := readNginxDepth(f, depth+1)
				if err != nil {
					return nil, fmt.Errorf("%s: include: %w", d.at(), err)
				}
				out = append(out, more...)
			}
			continue
		}
		if d.block != nil {
			inner, err := expandIncludes(d.block, file, depth)
			if err != nil {
				return nil, err
			}
			d.block = inner
		}
		out = append(out, d)
	}
	return out, nil
}

func includedFiles(pattern, from string) []string {
	if filepath.IsAbs(pattern) {
		files, _ := filepath.Glob(pattern)
		return files
	}
	for _, dir := range []string{filepath.Dir(from), "/etc/nginx"} {
		if files, _ := filepath.Glob(filepath.Join(dir, pattern)); len(files) > 0 {
			return files
		}
	}
	return nil
}

// nginxParser splits the text into words, as ngx_conf_read_token does:
// white space separates, quotes keep together, # starts a comment.
type nginxParser struct {
	file string
	text string
	line int
}

func (p *nginxParser) block(inner bool) ([]directive, error) {
	list := []directive{}
	for {
		word, end, err := p.word()
		switch {
		case err != nil:
			return nil, err
		case word == "" && end == 0:
			if inner {
				return nil, fmt.Errorf("%s:%d: missing }", p.file, p.line)
			}
			return list, nil
		case word == "" && end == '}':
			if !inner {
				return nil, fmt.Errorf("%s:%d: unexpected }", p.file, p.line)
			}
			return list, nil
		case word == "":
			return nil, fmt.Errorf("%s:%d: unexpected %q", p.file, p.line, end)
		}
		d := directive{file: p.file, line: p.line, name: word}
		for end == ' ' {
			if word, end, err = p.word(); err != nil {
				return nil, err
			}
			if word != "" {
				d.args = append(d.args, word)
			}
		}
		switch end {
		case '{':
			if d.block, err = p.block(true); err != nil {
				return nil, err
			}
		case ';':
		default:
			return nil, fmt.Errorf("%s:%d: %s is not ended by ;", p.file, p.line, d.name)
		}
		list = append(list, d)
	}
}

// word returns the next word and what ended it: ' ', ';', '{', '}' or 0 at the
// end of the text. The word is empty when a mark stands alone.
func (p *nginxParser) word() (string, byte, error) {
	p.skipBlank()
	if p.text == "" {
		return "", 0, nil
	}
	if c := p.text[0]; strings.IndexByte(";{}", c) >= 0 {
		p.text = p.text[1:]
		return "", c, nil
	}
	if c := p.text[0]; c == '"' || c == '\'' {
		end := strings.IndexByte(p.text[1:], c)
		if end < 0 {
			return "", 0, fmt.Errorf("%s:%d: a quote is not closed", p.file, p.line)
		}
		w := p.text[1 : 1+end]
		p.line += strings.Count(w, "\n")
		p.text = p.text[end+2:]
		return w, ' ', nil
	}
	n := strings.IndexAny(p.text, " \t\r\n;{}")
	// ${name} belongs to the word.
	for n > 0 && p.text[n] == '{' && p.text[n-1] == '$' {
		m := strings.IndexAny(p.text[n+1:], " \t\r\n;")
		if m < 0 {
			n = -1
			break
		}
		n += 1 + m
	}
	if n < 0 {
		n = len(p.text)
	}
	w := p.text[:n]
	p.text = p.text[n:]
	return w, ' ', nil
}

func (p *nginxParser) skipBlank() {
	for p.text != "" {
		switch c := p.text[0]; {
		case c == '\n':
			p.line++
			p.text = p.text[1:]
		case c == ' ' || c == '\t' || c == '\r':
			p.text = p.text[1:]
		case c == '#':
			n := strings.IndexByte(p.text, '\n')
			if n < 0 {
				n = len(p.text)
			}
			p.text = p.text[n:]
		default:
			return
		}
	}
}
