metadata description = 'The page that an operator looks at first.'

@description('Name that is shown.')
param title string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Workspace that is asked.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'operators')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
