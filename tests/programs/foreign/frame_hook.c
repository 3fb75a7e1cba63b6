/* Evaluates frames by a function of its own, which hands them to CPython's (PEP 523; Include/cpython/pystate.h, 3.9+). */

typedef void *evaluate_function(void *, void *, int);

extern evaluate_function _PyEval_EvalFrameDefault;
extern void *PyInterpreterState_Get(void);
extern void _PyInterpreterState_SetEvalFrameFunc(void *, evaluate_function *);

static void *evaluate(void *thread, void *frame, int throws)
{
    void *volatile result = _PyEval_EvalFrameDefault(thread, frame, throws);
    return result;
}

void install(void)
{
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), evaluate);
}
