package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class LicenceHeaderTest {
    @Test
    void leadingLegalCommentsAreCut() {
        assertEquals("package a;\n", LicenceHeader.strip("/*\n * Licensed to the ASF\n */\npackage a;\n"));
        assertEquals("package a;\n", LicenceHeader.strip("\n\n// Copyright 2020 X\n// more\n\npackage a;\n"));
        assertEquals(
                "import os\n", LicenceHeader.strip("#!/usr/bin/python\n# SPDX-License-Identifier: MIT\n\nimport os\n"));
        assertEquals("class A {}", LicenceHeader.strip("/* Copyright */ /* All rights reserved */\nclass A {}"));
        assertEquals("class A {}", LicenceHeader.strip("/* LICENCE: x */\n// copyright y\nclass A {}"));
    }

    @Test
    void otherCommentsStay() {
        String doc = "/** Adds numbers. */\nclass A {\n  // Copyright\n}\n";
        assertEquals(doc, LicenceHeader.strip(doc));
        String behind = "package a;\n/* Copyright */\nclass A {}";
        assertEquals(behind, LicenceHeader.strip(behind));
        assertEquals("/** Doc. */\nclass A {}", LicenceHeader.strip("// Copyright X\n\n/** Doc. */\nclass A {}"));
    }

    @Test
    void directivesAndUnclosedCommentsAreNotHeaders() {
        assertEquals("#include <license.h>\n", LicenceHeader.strip("#include <license.h>\n"));
        assertEquals("/* Copyright", LicenceHeader.strip("/* Copyright"));
    }

    @Test
    void firstLineKeepsItsIndentation() {
        assertEquals("    x = 1\n", LicenceHeader.strip("# Copyright\n\n    x = 1\n"));
    }

    @Test
    void aHeaderOfAMegabyteIsCut() {
        assertEquals("class A {}", LicenceHeader.strip("/* Copyright" + " *x".repeat(400_000) + "*/\nclass A {}"));
    }

    @Test
    void nothingButAHeaderLeavesNothing() {
        assertEquals("", LicenceHeader.strip("// Copyright 2020"));
    }
}
