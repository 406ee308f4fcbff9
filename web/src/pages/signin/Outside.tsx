import { Box, Center, Paper, Text } from '@mantine/core'
import { Outlet } from '@tanstack/react-router'
import { createApi } from '../../api/client'
import { Provided } from '../../shell/Provided'
import { text } from '../../text'
import { useState } from 'react'
import { createQueries } from '../../api/projects'

/** What is around the pages for who isn't signed in. */
export default function Outside() {
  const [reader] = useState(() => ({ api: createApi(), queries: createQueries() }))
  return (
    <Provided {...reader}>
      <Center mih="100vh" p="md" component="main">
        <Box w="100%" maw={420}>
          <Box ta="center" mb="lg">
            <Text fw={800} fz={30} component="p">
              {text.shell.product}
            </Text>
            <Text c="dimmed">{text.signin.lead}</Text>
          </Box>
          <Paper withBorder p="lg" radius="lg" shadow="sm">
            <Outlet />
          </Paper>
        </Box>
      </Center>
    </Provided>
  )
}
