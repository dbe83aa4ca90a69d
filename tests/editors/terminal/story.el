;;; story.el --- One story in Emacs, for test_emacs.py  -*- lexical-binding: t -*-

;; Arguments: a file with the configuration under test, the file to open, where to write what was
;; seen. What would ask the user is answered here; everything else is as it comes.

(require 'eglot)
(require 'json)

(defvar story-asked nil "Questions with their choices, the latest first.")
(defconst story-answers '("Break this import" "Always for this folder"))

(defun story-wait (what)
  "Wait until the function WHAT returns something, for a minute at most."
  (with-timeout (60 (error "It did not come to pass: %S" what))
    (while (not (funcall what))
      (accept-process-output nil 0.05))))

(defun story-choose (prompt choices &rest _)
  "Answer PROMPT with the first of CHOICES that is among our answers."
  (let ((all (all-completions "" choices)))
    (push (list (substring-no-properties prompt) (vconcat all)) story-asked)
    (seq-find (lambda (one)
                (seq-some (lambda (answer) (string-prefix-p answer one)) story-answers))
              all)))

(pcase-let ((`(,configuration ,file ,seen) command-line-args-left))
  (setq command-line-args-left nil
        ;; Without a keyboard Eglot would open a menu of the window system.
        last-nonmenu-event ?a
        eglot-sync-connect 60
        eglot-confirm-server-edits nil
        create-lockfiles nil)
  (load configuration nil t)
  (find-file file)
  (apply #'eglot (eglot--guess-contact))
  (flymake-start)
  (story-wait #'flymake-diagnostics)
  (let ((found (mapcar #'flymake-diagnostic-text (flymake-diagnostics))))
    (goto-char (flymake-diagnostic-beg (car (flymake-diagnostics))))
    (cl-letf (((symbol-function 'completing-read) #'story-choose))
      (call-interactively #'eglot-code-actions)
      (story-wait #'buffer-modified-p)
      (story-wait (lambda () (null (flymake-diagnostics)))))
    (let ((fixed (buffer-substring-no-properties (point-min) (point-max))))
      (with-temp-file seen
        ;; What comes out of it is bytes.
        (set-buffer-multibyte nil)
        (setq buffer-file-coding-system 'no-conversion)
        (insert (json-serialize
                 (list :diagnostics (vconcat found)
                       :asked (vconcat (mapcar (lambda (item) (list :prompt (car item)
                                                                    :choices (cadr item)))
                                               (reverse story-asked)))
                       :fixed fixed))))))
  ;; Nobody is here to be asked about text that is not saved.
  (set-buffer-modified-p nil)
  (kill-emacs 0))
