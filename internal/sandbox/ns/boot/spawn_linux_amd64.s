#include "textflag.h"

// func spawnVM(trap, a1, a2, a3 uintptr, fn, arg unsafe.Pointer) (r, errno uintptr)
TEXT ·spawnVM(SB),NOSPLIT,$0-64
	MOVQ	trap+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	fn+32(FP), R12
	MOVQ	arg+40(FP), R13
	MOVQ	$0, R10
	MOVQ	$0, R8
	MOVQ	$0, R9
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	CMPQ	AX, $0xfffffffffffff001
	JCC	failed
	MOVQ	AX, r+48(FP)
	MOVQ	$0, errno+56(FP)
	RET
failed:
	NEGQ	AX
	MOVQ	$0, r+48(FP)
	MOVQ	AX, errno+56(FP)
	RET
child:
	// On a stack of its own. Call fn(arg) by Go's register convention: R14 is g as it
	// was, X15 is zero, DX is the closure. fn doesn't return.
	SUBQ	$64, SP
	XORPS	X15, X15
	MOVQ	R13, AX
	MOVQ	R12, DX
	MOVQ	(DX), R12
	CALL	R12
	INT	$3
